namespace Notary.Server.Startup;

/// <summary>The server does not start; the message is one sentence with the remedy. It ends in exit code 78 (EX_CONFIG of sysexits.h), without a stack trace.</summary>
public sealed class StartRefusedException(string sentence) : Exception(sentence);
