using Pilothouse.Samples.TinyModels.Commands;

return await CommandLine.RunAsync(args, Console.Out, Console.Error, TimeProvider.System, CancellationToken.None);
