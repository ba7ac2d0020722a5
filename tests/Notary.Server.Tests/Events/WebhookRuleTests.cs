using System.Net;
using System.Text;
using Notary.Server.Events;
using Notary.Server.Webhooks;

namespace Notary.Server.Tests.Events;

/// <summary>Rules of webhooks that need no server: signature, backoff, when one is given up, and where one may go.</summary>
public sealed class WebhookRuleTests
{
    private static readonly WebhookKey Key = new("agency", "hainan", "a");

    private static Webhook Hook(string url = "https://agency.example/") =>
        new(Key, new Uri(url), new byte[32], 0, new EventPosition("hainan", 5, 5, 5)) { PendingId = "hainan:6:5:5", Pending = "{}"u8.ToArray() };

    [Fact]
    public void The_signature_is_that_of_the_reference_libraries_own_test()
    {
        // standard-webhooks, libraries/javascript/src/webhook.test.ts: "sign function works".
        byte[] secret = Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        Assert.Equal(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            Webhook.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", Encoding.UTF8.GetBytes("""{"test": 2432232314}""")));
    }

    [Fact]
    public void Waits_grow_fourfold_to_six_hours_and_differ_by_a_fifth()
    {
        Assert.Equal([5.0, 20, 80, 320, 1_280, 5_120, 20_480, 21_600, 21_600], Enumerable.Range(1, 9).Select(n => Math.Round(Webhook.DelayAfter(n, 0.5).TotalSeconds, 6)));
        Assert.Equal((4.0, 6.0), (Webhook.DelayAfter(1, 0).TotalSeconds, Webhook.DelayAfter(1, 1).TotalSeconds));
        Assert.Equal(25_920, Webhook.DelayAfter(int.MaxValue, 1).TotalSeconds, 6);
    }

    [Fact]
    public void After_a_success_it_goes_on_and_after_five_days_without_one_it_is_disabled()
    {
        Webhook hook = Hook().After(new DeliveryOutcome("It answered 500."), 1_000);
        Assert.Equal(("", 1, 1_000L, "hainan:6:5:5"), (hook.Disabled, hook.Attempts, hook.FailingSinceMs, hook.PendingId));
        long fiveDays = (long)TimeSpan.FromDays(5).TotalMilliseconds;
        Assert.Equal("", hook.After(new DeliveryOutcome("It answered 500."), 999 + fiveDays).Disabled);
        Assert.Equal(Webhook.Failing, hook.After(new DeliveryOutcome("It answered 500."), 1_000 + fiveDays).Disabled);
        Assert.Equal(Webhook.Gone, hook.After(new DeliveryOutcome("It answered 410.", Gone: true), 2_000).Disabled);
        Webhook good = hook.After(default, 2_000);
        Assert.Equal((new EventPosition("hainan", 6, 5, 5), "", 0, 0L, 2_000L), (good.Position, good.PendingId, good.Attempts, good.FailingSinceMs, good.DeliveredMs));
    }

    [Fact]
    public void Retry_after_is_followed_for_at_most_a_day_and_never_shortens_the_wait()
    {
        Assert.Equal(60_000, Hook().After(new DeliveryOutcome("x", TimeSpan.FromMinutes(1)), 0).NextTryMs);
        Assert.Equal(86_400_000, Hook().After(new DeliveryOutcome("x", TimeSpan.FromDays(400)), 0).NextTryMs);
        Assert.InRange(Hook().After(new DeliveryOutcome("x", TimeSpan.FromSeconds(1)), 0).NextTryMs, 4_000, 6_000);
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("2606:4700:4700::1111", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.0.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.255.255.254", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("192.168.1.1", false)]
    [InlineData("198.18.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2002:a00:1::1", false)]
    [InlineData("2001:0:53aa:64c::1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fc00::1", false)]
    [InlineData("fd12::1", false)]
    [InlineData("ff02::1", false)]
    public void Only_public_addresses_are_called(string address, bool allowed) => Assert.Equal(allowed, WebhookTargets.Allows(IPAddress.Parse(address), development: false));

    [Fact]
    public void Development_calls_this_machine_too_and_no_other_private_one()
    {
        Assert.True(WebhookTargets.Allows(IPAddress.Loopback, development: true));
        Assert.True(WebhookTargets.Allows(IPAddress.IPv6Loopback, development: true));
        Assert.False(WebhookTargets.Allows(IPAddress.Parse("10.0.0.1"), development: true));
        Assert.NotNull(WebhookTargets.Parse("http://localhost:5000/a", development: true, out _));
        Assert.Null(WebhookTargets.Parse("http://agency.example/a", development: true, out _));
        Assert.Null(WebhookTargets.Parse("http://localhost:5000/a", development: false, out _));
        Assert.Null(WebhookTargets.Parse("https://127.0.0.1/", development: false, out _));
        Assert.Null(WebhookTargets.Parse("https://2130706433/", development: false, out _));
        Assert.Null(WebhookTargets.Parse("https://0x7f.1/", development: false, out _));
        Assert.NotNull(WebhookTargets.Parse("https://agency.example:8443/a?b=c", development: false, out _));
    }

    [Fact]
    public async Task A_name_that_resolves_to_this_machine_is_not_called_outside_development()
    {
        await using Receiver receiver = await Receiver.StartAsync();
        var url = new Uri(receiver.Url);
        using (var delivery = new WebhookDelivery(development: false, TimeProvider.System))
        {
            DeliveryOutcome refused = await delivery.SendAsync(Hook(receiver.Url), new byte[32], CancellationToken.None);
            Assert.Equal("Its name resolves to no public address.", refused.Failure);
            await Assert.ThrowsAsync<TargetRefusedException>(async () => await WebhookTargets.ConnectAsync(new DnsEndPoint(url.Host, url.Port), development: false, CancellationToken.None));
            Assert.Empty(receiver.Got);
        }

        using var allowed = new WebhookDelivery(development: true, TimeProvider.System);
        Assert.Null((await allowed.SendAsync(Hook(receiver.Url), new byte[32], CancellationToken.None)).Failure);
        Assert.Single(receiver.Got);
    }
}
