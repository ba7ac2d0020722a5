namespace Notary.Chain;

/// <summary>Why a chain or data folder is not opened, created or written to. The code is stable.</summary>
public enum ChainRefusal
{
    /// <summary>No chain there: creating one is a verb.</summary>
    NotCreated = 1,

    /// <summary>A chain of that name exists already.</summary>
    Exists = 2,

    /// <summary>Made by another version of the program.</summary>
    OtherVersion = 3,

    /// <summary>Another process works on the folder.</summary>
    Locked = 4,

    /// <summary>What is stored contradicts itself: hashes, sizes, signatures.</summary>
    Inconsistent = 5,

    /// <summary>A key file is missing, unreadable or of another chain.</summary>
    Key = 6,

    /// <summary>The template is missing or wrong.</summary>
    Template = 7,

    /// <summary>A file or the database cannot be read or written.</summary>
    Storage = 8,

    /// <summary>The database would not keep what it confirms, by its settings or its role.</summary>
    Durability = 9,

    /// <summary>The trust file is not the one that the main chain carries, and does not lead to it.</summary>
    Trust = 10,

    /// <summary>Too few of the chain's ledger nodes answer, or none hands out entries that fit what the log has signed.</summary>
    MirrorsMissing = 11,

    /// <summary>The log has signed two histories, or the database holds another one than the log has signed.</summary>
    Forked = 12,

    /// <summary>No ledger node holds all entries under the largest checkpoint that the log has signed.</summary>
    EntriesLost = 13,

    /// <summary>A ledger node's folder is not the one that its key works in: it was copied, or put back from a backup.</summary>
    Copied = 14,

    /// <summary>Nothing shows that entries of the chain are lost, or a ledger node holds them: it is refilled, not closed.</summary>
    Recoverable = 15,

    /// <summary>The main chain holds an incident that closed the chain.</summary>
    Closed = 16,

    /// <summary>The chain cannot be closed, or not so: it is the main chain, or this would not take the incident.</summary>
    NotClosable = 17,

    /// <summary>What governance signed is not what admission asks of the chain's first leaves.</summary>
    NotSigned = 18,
}

/// <summary>A chain is not opened or created; the message is one sentence with the remedy.</summary>
public sealed class ChainRefusedException(ChainRefusal refusal, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The reason.</summary>
    public ChainRefusal Refusal { get; } = refusal;
}
