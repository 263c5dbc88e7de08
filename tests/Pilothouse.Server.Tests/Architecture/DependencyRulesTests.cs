using System.Text.RegularExpressions;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Architecture;

/// <summary>The rules of dependence (docs/architecture.md), kept by a failing test and not by good will.</summary>
public partial class DependencyRulesTests
{
    private const string Modules = "Pilothouse.Server.Modules.";

    /// <summary>A module uses only modules of a lower level. The audit log is below all: every module records its moves there.</summary>
    private static readonly Dictionary<string, int> Level = new()
    {
        ["Audit"] = 0,
        ["Identity"] = 1,
        ["Blobs"] = 1,
        ["Tracking"] = 2,
        ["Repositories"] = 2,
        ["Registry"] = 3,
        ["Reproductions"] = 3,
        ["Evaluation"] = 4,
        ["Fairness"] = 4,
        ["Traces"] = 4,
        ["Monitoring"] = 4,
        ["Hub"] = 4,
        ["Packaging"] = 5,
        ["Gateway"] = 5,
        ["Pipelines"] = 5,
        ["Deployments"] = 6,
    };

    /// <summary>Tables of a module: this prefix, and in no other module's SQL.</summary>
    private static readonly Dictionary<string, string> Prefix = new()
    {
        ["Audit"] = "aud",
        ["Identity"] = "idn",
        ["Blobs"] = "blb",
        ["Tracking"] = "trk",
        ["Registry"] = "reg",
        ["Reproductions"] = "rpd",
        ["Repositories"] = "rep",
        ["Evaluation"] = "evl",
        ["Fairness"] = "fai",
        ["Traces"] = "trc",
        ["Monitoring"] = "mon",
        ["Hub"] = "hub",
        ["Packaging"] = "pkg",
        ["Gateway"] = "gtw",
        ["Pipelines"] = "pip",
        ["Deployments"] = "dep",
    };

    private static readonly ArchUnitNET.Domain.Architecture Server = new ArchLoader().LoadAssembly(typeof(PilothouseServer).Assembly).Build();

    [Fact]
    public void Every_module_has_a_level() => Assert.Equal(ModuleCatalog.All.Select(m => m.Name).Order(), Level.Keys.Order());

    [Fact]
    public void A_module_uses_only_the_Api_of_lower_modules()
    {
        var faults = from type in Server.Types
                     let module = ModuleOf(type.FullName)
                     where module is not null
                     from dependency in type.Dependencies
                     let target = ModuleOf(dependency.Target.FullName)
                     where target is not null && target != module
                     where Level[target] >= Level[module] || !dependency.Target.FullName.StartsWith($"{Modules}{target}.Api.", StringComparison.Ordinal)
                     select $"{type.FullName} -> {dependency.Target.FullName}";
        Assert.Empty(faults.Distinct());
    }

    [Fact]
    public void The_platform_knows_no_module_but_their_list()
    {
        var faults = from type in Server.Types
                     where type.FullName.StartsWith("Pilothouse.Server.Platform.", StringComparison.Ordinal) && !type.FullName.Contains("ModuleCatalog", StringComparison.Ordinal)
                     from dependency in type.Dependencies
                     where ModuleOf(dependency.Target.FullName) is not null
                     select $"{type.FullName} -> {dependency.Target.FullName}";
        Assert.Empty(faults.Distinct());
    }

    [Fact]
    public void Endpoints_do_not_skip_the_service()
    {
        var faults = from type in Server.Types
                     where type.FullName.Contains(".Endpoints.", StringComparison.Ordinal)
                     from dependency in type.Dependencies
                     where dependency.Target.Name.EndsWith("Store", StringComparison.Ordinal) && !dependency.Target.FullName.Contains(".Api.", StringComparison.Ordinal)
                           || dependency.Target.FullName is "Pilothouse.Data.Db" or "Pilothouse.Data.DbSession"
                     select $"{type.FullName} -> {dependency.Target.FullName}";
        Assert.Empty(faults.Distinct());
    }

    [Fact]
    public void Services_and_stores_know_no_HTTP()
    {
        var faults = from type in Server.Types
                     where (type.Name.EndsWith("Service", StringComparison.Ordinal) || type.Name.EndsWith("Store", StringComparison.Ordinal)) && ModuleOf(type.FullName) is not null
                     from dependency in type.Dependencies
                     where dependency.Target.FullName.StartsWith("Microsoft.AspNetCore.Http.", StringComparison.Ordinal)
                     select $"{type.FullName} -> {dependency.Target.FullName}";
        Assert.Empty(faults.Distinct());
    }

    [Fact]
    public void A_table_is_named_by_one_module_only()
    {
        var faults = from module in Level.Keys
                     from file in Directory.EnumerateFiles(Path.Combine(RepoRoot.Path, "src", "Pilothouse.Server", "Modules", module), "*.*", SearchOption.AllDirectories)
                     where file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith(".sql", StringComparison.Ordinal)
                     from Match match in TableName().Matches(File.ReadAllText(file))
                     let owner = Prefix.FirstOrDefault(p => p.Value == match.Groups[1].Value).Key
                     where owner is not null && owner != module
                     select $"{Path.GetFileName(file)} of {module} names {match.Value}, a table of {owner}";
        Assert.Empty(faults.Distinct());
    }

    [Theory]
    [InlineData("Pilothouse.Protocols")]
    [InlineData("Pilothouse.Statistics")]
    [InlineData("Pilothouse.Data")]
    public void The_libraries_at_the_bottom_know_nothing_of_ours(string library)
    {
        var project = File.ReadAllText(Path.Combine(RepoRoot.Path, "src", library, library + ".csproj"));
        Assert.DoesNotContain("ProjectReference", project, StringComparison.Ordinal);
        Assert.DoesNotContain("Microsoft.AspNetCore", project, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("src/Pilothouse.Client")]
    [InlineData("src/Pilothouse/Commands")]
    [InlineData("src/Pilothouse.Web")]
    public void Client_verbs_and_pages_see_no_module_beyond_its_Api(string folder)
    {
        // The verbs talk HTTP; pages name a module's Api. Only the composition root (WebHost, serve) names the server's platform.
        var faults = from file in Directory.EnumerateFiles(Path.Combine(RepoRoot.Path, folder), "*.*", SearchOption.AllDirectories)
                     where file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith(".razor", StringComparison.Ordinal)
                     from Match match in ModuleUse().Matches(File.ReadAllText(file))
                     where folder != "src/Pilothouse.Web" || !match.Groups[2].Value.StartsWith("Api", StringComparison.Ordinal)
                     select $"{Path.GetFileName(file)}: {match.Value}";
        Assert.Empty(faults.Distinct());
    }

    [Fact]
    public void No_file_is_longer_than_600_lines()
    {
        var faults = from folder in (string[])["src", "bench", "samples", "tests"]
                     let path = Path.Combine(RepoRoot.Path, folder)
                     where Directory.Exists(path)
                     from file in Directory.EnumerateFiles(path, "*.cs", SearchOption.AllDirectories)
                     let lines = File.ReadLines(file).Count()
                     where lines > 600
                     select $"{file}: {lines} lines";
        Assert.Empty(faults);
    }

    private static string? ModuleOf(string fullName) =>
        fullName.StartsWith(Modules, StringComparison.Ordinal) ? fullName[Modules.Length..].Split('.')[0] : null;

    [GeneratedRegex(@"\b(aud|idn|trk|reg|rep|evl|fai|trc|mon|pkg|gtw|pip|dep)_[a-z_]+\b")]
    private static partial Regex TableName();

    [GeneratedRegex(@"Pilothouse\.Server\.Modules\.(\w+)\.(\w+)")]
    private static partial Regex ModuleUse();
}
