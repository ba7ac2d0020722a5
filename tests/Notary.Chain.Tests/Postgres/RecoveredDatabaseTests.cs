using Notary.Chain.Folders;
using Notary.Chain.Postgres;
using Notary.Chain.Recovery;
using Notary.Chain.Tests.Recovery;
using Notary.Evidence;

namespace Notary.Chain.Tests.Postgres;

/// <summary>A PostgreSQL database from an old backup, and an empty one: both are refilled from the chain's ledger nodes.</summary>
public sealed class RecoveredDatabaseTests
{
    [Fact]
    public async Task An_old_copy_of_the_database_and_an_empty_one_are_refilled_and_the_chain_goes_on()
    {
        await using var network = new RecoveringNetwork();
        var cluster = PostgresCluster.Shared;
        var connection = cluster.Database();
        var name = new Npgsql.NpgsqlConnectionStringBuilder(connection).Database!;
        ChainMove.ToPostgres(network.Folder, connection, standbyWaived: true);
        var before = await network.Grow(20, 1);
        cluster.Execute($"CREATE DATABASE {name}_old TEMPLATE {name}");
        var leaves = await network.Grow(5_000, 2);

        PostgresChainDatabase.Save(network.Folder.DatabaseAddressPath, cluster.Connection(name + "_old"), standbyWaived: true);
        network.Network.Open();
        using (var stopped = await network.Network.Deposit(RecoveringNetwork.Region, TestChain.Line(new Random(3))))
        {
            Assert.Equal((DepositOutcome.ChainStopped, StopReason.Stale), (stopped.Outcome, network.Network.Chains[RecoveringNetwork.Region].Stopped!.Reason));
        }

        await network.Network.Close();
        var report = await network.Recover();
        Assert.Equal((before.Count, leaves.Count, false), (report.Before, report.Size, report.IndexRebuilt));
        Assert.Equal(new LostRange(before.Count, leaves.Count - 1, 5_000), Assert.Single(report.Lost));
        Assert.True(network.Check().Clean, string.Join('\n', network.Check().Findings));
        await network.GoesOn(leaves);

        // Nothing left but an empty database, and a run that is interrupted.
        leaves.Add([]);
        PostgresChainDatabase.Save(network.Folder.DatabaseAddressPath, cluster.Database(name + "_new"), standbyWaived: true);
        using (var stop = new CancellationTokenSource())
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => network.Recover(progress: new Cancelling(stop), cancellation: stop.Token));
        }

        Assert.Contains("notary chain recover", Assert.Throws<ChainRefusedException>(() => ChainHost.Open(network.Folder, TestChain.Password, TimeProvider.System)).Message, StringComparison.Ordinal);
        report = await network.Recover();
        Assert.Equal((4_096, leaves.Count), (report.Before, report.Size));
        Assert.Equal(5_021, report.Lost.Sum(static range => range.Count));
        Assert.True(network.Check().Clean);
        Assert.Equal(0L, cluster.Scalar($"SELECT count(*) FROM generate_series(0, {leaves.Count - 1}) leaf WHERE NOT EXISTS (SELECT 1 FROM notary.lookup l WHERE l.leaf = leaf.leaf)", name + "_new"));
        leaves = await network.Grow(3, 4);
        Assert.True(Admission.AdmitForm(leaves[^4], out var facts).Ok);
        network.Network.Open();
        Assert.Equal(leaves.Count - 4, network.Network.Chains[RecoveringNetwork.Region].Reader.FindId(facts.Id));
    }

    [Fact]
    public async Task A_chain_whose_database_is_lost_above_its_nodes_is_closed_with_what_is_available_in_an_empty_one()
    {
        await using var network = new RecoveringNetwork();
        var cluster = PostgresCluster.Shared;
        var connection = cluster.Database();
        ChainMove.ToPostgres(network.Folder, connection, standbyWaived: true);
        var leaves = await network.Grow(20, 1);
        network.SealUnseen(5, 2);
        var saved = network.StoredNote;
        PostgresChainDatabase.Save(network.Folder.DatabaseAddressPath, cluster.Database(new Npgsql.NpgsqlConnectionStringBuilder(connection).Database + "_new"), standbyWaived: true);
        var report = await network.Propose(saved: saved);
        Assert.Equal((0L, (long)leaves.Count, leaves.Count + 5L), (report.Before, report.Record.Size, report.Record.LostCheckpoint.Size));
        Assert.True(network.Check().Clean, string.Join('\n', network.Check().Findings));
        using (var data = DataFolder.Take(network.Network.DataPath, create: false))
        {
            Assert.True(await ChainClosing.SealAsync(data, report, TestChain.Password, TimeProvider.System) > 0);
        }

        network.Network.Open();
        using var refused = await network.Network.Deposit(RecoveringNetwork.Region, TestChain.Line(new Random(3)));
        Assert.Equal((DepositOutcome.ChainStopped, StopReason.ClosedForGood), (refused.Outcome, network.Network.Chains[RecoveringNetwork.Region].Stopped!.Reason));
        Assert.Equal(leaves, network.Network.Chains[RecoveringNetwork.Region].Reader.Entries(0, leaves.Count));
    }

    private sealed class Cancelling(CancellationTokenSource stop) : IProgress<long>
    {
        public void Report(long value) => stop.Cancel();
    }
}
