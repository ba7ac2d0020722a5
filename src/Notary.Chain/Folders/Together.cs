using System.Runtime.ExceptionServices;

namespace Notary.Chain.Folders;

/// <summary>Steps that each derive keys from the password, slow on purpose: on all processors at once.</summary>
public static class Together
{
    /// <summary>Does all of it; returns when every step that was begun has ended.</summary>
    /// <remarks>Failure: the first one is thrown as it is, without what the base library wraps around it.</remarks>
    public static void Run<T>(IEnumerable<T> items, Action<T> step)
    {
        try
        {
            Parallel.ForEach(items, step);
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
        }
    }
}
