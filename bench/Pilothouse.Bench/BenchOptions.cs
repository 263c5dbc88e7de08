using System.Globalization;

namespace Pilothouse.Bench;

/// <summary>Options of all verbs; each uses what it needs.</summary>
internal sealed record BenchOptions
{
    public int Clients { get; init; } = 8;

    /// <summary>Requests of each client.</summary>
    public int Requests { get; init; } = 100;

    /// <summary>Metrics of one log-batch request.</summary>
    public int Batch { get; init; } = 1000;

    public int Runs { get; init; } = 10_000;

    public int Megabytes { get; init; } = 1024;

    /// <summary>Where the data directory is made; must be on the disk that is to be measured.</summary>
    public string Data { get; init; } = Path.GetTempPath();

    public string? Postgres { get; init; }

    public static BenchOptions? Parse(string[] args)
    {
        var options = new BenchOptions();
        for (var i = 0; i + 1 < args.Length; i += 2)
        {
            var value = args[i + 1];
            if (args[i] == "--data") options = options with { Data = value };
            else if (args[i] == "--postgres") options = options with { Postgres = value };
            else if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return Unknown(args[i], value);
            else if (args[i] == "--clients") options = options with { Clients = number };
            else if (args[i] == "--requests") options = options with { Requests = number };
            else if (args[i] == "--batch") options = options with { Batch = number };
            else if (args[i] == "--runs") options = options with { Runs = number };
            else if (args[i] == "--megabytes") options = options with { Megabytes = number };
            else return Unknown(args[i], value);
        }
        return args.Length % 2 == 0 ? options : Unknown(args[^1], "");
    }

    private static BenchOptions? Unknown(string option, string value)
    {
        Console.Error.WriteLine($"'{option} {value}' is not an option.");
        return null;
    }
}
