using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Chain.Network;
using Notary.Chain.Postgres;
using Notary.Chain.Sqlite;

namespace Notary.Chain.Store;

/// <summary>Where the tables of a chain lie: in a file of its folder, or in a PostgreSQL database that several servers share.</summary>
public abstract class ChainDatabase
{
    /// <summary>What messages call it; never a password.</summary>
    public abstract string Name { get; }

    /// <summary>Whether several processes may append; each then has a folder of its own with the same keys.</summary>
    public abstract bool IsShared { get; }

    /// <summary>False when there is certainly no chain.</summary>
    public abstract bool Exists { get; }

    /// <summary>The database of a chain, by what its folder holds.</summary>
    /// <exception cref="ChainRefusedException">The address of a PostgreSQL database is malformed.</exception>
    public static ChainDatabase Of(ChainFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return File.Exists(folder.DatabaseAddressPath) ? PostgresChainDatabase.Load(folder.DatabaseAddressPath) : new SqliteChainDatabase(folder);
    }

    /// <summary>Opens the tables for the one writer of this process.</summary>
    /// <exception cref="ChainRefusedException">The tables are of another version, or the database cannot give what is demanded of it.</exception>
    /// <exception cref="DatabaseFailureException">The database cannot be opened.</exception>
    public abstract ChainStore OpenStore();

    /// <summary>Makes the tables of a chain without leaves, for a chain whose database is lost. The caller writes the first head row.</summary>
    /// <exception cref="ChainRefusedException">There are tables already, or the database cannot give what is demanded of it.</exception>
    /// <exception cref="DatabaseFailureException">The database cannot be made.</exception>
    internal abstract ChainStore CreateStore();

    /// <summary>Opens a connection that only reads.</summary>
    /// <exception cref="DatabaseFailureException">The database cannot be opened.</exception>
    public abstract Database OpenReader();

    /// <summary>Opens the look-up by digest and id.</summary>
    /// <exception cref="ChainRefusedException">It is not whole.</exception>
    internal abstract IDigestIndex OpenIndex();

    /// <summary>Opens the store of final and anchored checkpoints.</summary>
    /// <exception cref="ChainRefusedException">Its tables are of another version, or the database cannot give what is demanded of it.</exception>
    /// <exception cref="DatabaseFailureException">It cannot be opened.</exception>
    internal abstract FinalityStore OpenFinality();

    /// <summary>The table that leads from look-up keys to leaves, and the query of a row at or above an index.</summary>
    internal abstract (string Table, string BeyondQuery) IndexTable { get; }

    /// <summary>The look-up keys that lead to several leaves, for a check: those leaves in order.</summary>
    /// <param name="snapshot">The check's connection.</param>
    /// <param name="indexed">Leaves below this lie in files beside the database.</param>
    internal abstract IEnumerable<IReadOnlyList<long>> RepeatedKeys(Database snapshot, out long indexed);
}
