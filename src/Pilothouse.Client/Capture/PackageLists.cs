using System.Text;
using System.Text.Json;

namespace Pilothouse.Client.Capture;

/// <summary>Packages that a command can use, by what is really there. Null = that kind plays no part in it.</summary>
/// <param name="Python"><c>pip freeze</c> of the interpreter.</param>
/// <param name="Conda"><c>name=version=build</c> of the active environment.</param>
/// <param name="DotNet"><c>name/version</c> of the program's dependencies.</param>
/// <param name="LockFiles">Files of the working directory that pin versions; stored beside as <c>source/NAME</c>.</param>
internal sealed record PackageLists(string? PythonVersion, IReadOnlyList<string>? Python, IReadOnlyList<string>? Conda, IReadOnlyList<string>? DotNet, IReadOnlyList<string> LockFiles)
{
    private const int MaxPackages = 5000;
    private const int MaxOutput = 1024 * 1024;
    private const long MaxLockFile = 2 * 1024 * 1024;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(15);

    private static readonly string[] PythonPrograms = ["pip", "pytest", "torchrun", "accelerate", "jupyter", "ipython", "deepspeed", "mlflow", "uv", "poetry", "papermill", "ray"];
    private static readonly string[] NodePrograms = ["node", "npm", "npx", "yarn", "pnpm", "bun", "tsx"];
    private static readonly string[] PythonLocks = ["requirements.txt", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile.lock", "environment.yml", "conda-lock.yml"];
    private static readonly string[] NodeLocks = ["package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"];
    private static readonly string[] DotNetLocks = ["packages.lock.json", "Directory.Packages.props", "global.json"];

    public static async Task<PackageLists> ReadAsync(IReadOnlyList<string> command, string directory, CancellationToken ct)
    {
        var programs = Programs(command);
        var python = programs.FirstOrDefault(IsPython);
        var locks = new List<string>();
        if (python is not null) locks.AddRange(PythonLocks);
        if (programs.Any(p => NodePrograms.Contains(p))) locks.AddRange(NodeLocks);
        if (programs.Contains("dotnet")) locks.AddRange(DotNetLocks);
        var (version, packages) = python is null ? (null, null) : await PythonAsync(command[0], python, directory, ct);
        return new PackageLists(version, packages, python is null ? null : CondaPackages(), programs.Contains("dotnet") ? DotNetPackages(command, directory) : null,
            [.. locks.Where(l => new FileInfo(Path.Combine(directory, l)) is { Exists: true, Length: <= MaxLockFile })]);
    }

    /// <summary>The programs a command names: the first word, and every word of a shell's script.</summary>
    internal static IReadOnlyList<string> Programs(IReadOnlyList<string> command)
    {
        if (command.Count == 0) return [];
        var first = Path.GetFileName(command[0]);
        var shell = first is "sh" or "bash" or "dash" or "zsh" or "env" or "nohup" or "srun" or "mpirun" or "taskset" or "nice" or "time";
        var words = shell ? command.SelectMany(w => w.Split([' ', '\n', '\t', ';', '&', '|', '(', ')', '"', '\''], StringSplitOptions.RemoveEmptyEntries)) : [command[0]];
        return [.. words.Select(w => Path.GetFileName(w)).Distinct().Take(1000)];
    }

    private static bool IsPython(string program) => program.StartsWith("python", StringComparison.Ordinal) || program.StartsWith("pypy", StringComparison.Ordinal) || PythonPrograms.Contains(program);

    private static async Task<(string? Version, IReadOnlyList<string>? Packages)> PythonAsync(string first, string program, string directory, CancellationToken ct)
    {
        // The interpreter beside pytest or torchrun is the one they use.
        var folder = first.Contains('/', StringComparison.Ordinal) && IsPython(Path.GetFileName(first)) ? Path.GetDirectoryName(Path.GetFullPath(first, directory)) : null;
        var name = program.StartsWith("py", StringComparison.Ordinal) && program != "pytest" ? program : "python3";
        var interpreter = folder is not null && File.Exists(Path.Combine(folder, name)) ? Path.Combine(folder, name) : name;
        var version = await Tool.RunAsync(interpreter, ["-c", "import sys; print(sys.version)"], directory, MaxOutput, TimeLimit, ct);
        if (version is null) return (null, null);
        const string list = "import importlib.metadata as m; print('\\n'.join(sorted({f\"{d.metadata['Name']}=={d.version}\" for d in m.distributions()}, key=str.lower)))";
        var output = await Tool.RunAsync(interpreter, ["-m", "pip", "freeze", "--all", "--disable-pip-version-check"], directory, MaxOutput, TimeLimit, ct)
            ?? await Tool.RunAsync(interpreter, ["-c", list], directory, MaxOutput, TimeLimit, ct);
        return (Encoding.UTF8.GetString(version).Trim().Replace("\n", " ", StringComparison.Ordinal), output is null ? null : Lines(output));
    }

    /// <summary>Files <c>conda-meta/numpy-2.1.0-py312_0.json</c> of the active environment: what <c>conda list</c> reads, without starting conda.</summary>
    private static List<string>? CondaPackages()
    {
        if (Environment.GetEnvironmentVariable("CONDA_PREFIX") is not { Length: > 0 } prefix || Path.Combine(prefix, "conda-meta") is var folder && !Directory.Exists(folder)) return null;
        return [.. Directory.EnumerateFiles(folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Select(Package).Order(StringComparer.Ordinal).Take(MaxPackages)];

        static string Package(string file)
        {
            var build = file.LastIndexOf('-');
            var version = build > 0 ? file.LastIndexOf('-', build - 1) : -1;
            return version > 0 ? $"{file[..version]}={file[(version + 1)..build]}={file[(build + 1)..]}" : file;
        }
    }

    /// <summary>Of <c>dotnet app.dll</c> the libraries in app.deps.json; of <c>dotnet run</c> and its like those in obj/project.assets.json.</summary>
    private static List<string>? DotNetPackages(IReadOnlyList<string> command, string directory)
    {
        var project = command.SkipWhile(w => w is not ("--project" or "-p")).Skip(1).FirstOrDefault();
        var folder = project is null ? directory : Path.GetFullPath(project.EndsWith("proj", StringComparison.Ordinal) ? Path.GetDirectoryName(project)! : project, directory);
        var candidates = command.Where(w => w.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)).Select(w => Path.ChangeExtension(Path.GetFullPath(w, directory), ".deps.json")).Append(Path.Combine(folder, "obj", "project.assets.json"));
        foreach (var file in candidates.Where(File.Exists))
        {
            try
            {
                using var json = JsonDocument.Parse(File.ReadAllBytes(file));
                return [.. json.RootElement.GetProperty("libraries").EnumerateObject().Where(l => l.Value.TryGetProperty("type", out var type) && type.GetString() == "package").Select(l => l.Name).Order(StringComparer.Ordinal).Take(MaxPackages)];
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IOException or UnauthorizedAccessException)
            {
                // Not what it should be: the next one.
            }
        }
        return null;
    }

    private static List<string> Lines(byte[] output) => [.. Encoding.UTF8.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Secrets.MaskedText).Take(MaxPackages)];
}
