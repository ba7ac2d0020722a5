return await Notary.Cli.CommandLine.RunAsync(args);
