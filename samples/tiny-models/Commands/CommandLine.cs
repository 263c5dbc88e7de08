using System.Globalization;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>The arguments of one command: positional values and <c>--name value</c> options.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _options = [];

    public Arguments(IReadOnlyList<string> args, params string[] flags)
    {
        for (var i = 0; i < args.Count; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal)) Positional.Add(args[i]);
            else if (flags.Contains(args[i][2..])) _options[args[i][2..]] = "true";
            else if (i + 1 < args.Count) _options[args[i][2..]] = args[++i];
            else throw new UsageException($"{args[i]} needs a value.");
        }
    }

    public List<string> Positional { get; } = [];

    public bool Has(string name) => _options.ContainsKey(name);

    public string Required(string name) => _options.GetValueOrDefault(name) ?? throw new UsageException($"--{name} is missing.");

    public string First(string what) => Positional.Count > 0 ? Positional[0] : throw new UsageException($"{what} is missing.");

    public ulong? Number(string name)
    {
        if (!_options.TryGetValue(name, out var text)) return null;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new UsageException($"--{name} {text} is not a whole number.");
    }
}

/// <summary>The command line was wrong; the message says how.</summary>
internal sealed class UsageException(string message) : Exception(message);

internal static class CommandLine
{
    private const string Usage = """
        Small real models for Pilothouse, trained here in C# and bit-reproducible.

          tiny-models train --recipe RECIPE --out DIR [--steps N] [--seed N]
                                        RECIPE: assistant-v1 .. assistant-v4, triage-v1, triage-v2
          tiny-models export DIR [--onnx] [--gguf]      derive model.onnx and model.gguf from model.safetensors (default both)
          tiny-models data --out DIR                    write the sample's data sets
          tiny-models eval DIR --data FILE [--verbose]  accuracy on a JSONL file of the sample; --verbose prints the misses
          tiny-models pronouns DIR                      P(she) against P(he) by occupation

        Training reports to a Pilothouse (or MLflow) server when PILOTHOUSE_URL or MLFLOW_TRACKING_URI is set together with MLFLOW_RUN_ID or
        PILOTHOUSE_RUN_ID; PILOTHOUSE_TOKEN is sent as a bearer token.
        """;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, TimeProvider time, CancellationToken ct)
    {
        try
        {
            var rest = args.Skip(1).ToArray();
            switch (args.FirstOrDefault())
            {
                case "train": await TrainCommand.RunAsync(new Arguments(rest), output, error, time, ct); return 0;
                case "eval": EvalCommand.Run(new Arguments(rest, "verbose"), output); return 0;
                case "export": ExportCommand.Run(new Arguments(rest, "onnx", "gguf"), output); return 0;
                case "pronouns": PronounsCommand.Run(new Arguments(rest), output); return 0;
                case "data": DataCommand.Run(new Arguments(rest), output); return 0;
                default: await output.WriteLineAsync(Usage); return args.FirstOrDefault() is null or "help" or "--help" ? 0 : 2;
            }
        }
        catch (Exception fault) when (fault is UsageException or IOException or InvalidDataException)
        {
            await error.WriteLineAsync($"tiny-models: {fault.Message}");
            return fault is UsageException ? 2 : 1;
        }
    }
}
