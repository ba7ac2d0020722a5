using Notary.Cli.Tests.Durability;

return await DepositingChild.RunAsync(args);
