namespace Notary.Crypto.Tests;

public class SelfTestTests
{
    [Fact]
    public void SelfTest_passes_with_and_without_the_native_library()
    {
        Assert.All(SelfTest.Run(includeNative: false).Cases, c => Assert.True(c.Passed, $"{c.Name}: {c.Detail}"));
        var report = SelfTest.Run(includeNative: true);
        Assert.All(report.Cases, c => Assert.True(c.Passed, $"{c.Name}: {c.Detail}"));
        Assert.True(report.Passed);
        Assert.All(report.Cases, c => Assert.NotEmpty(c.Source));
    }
}
