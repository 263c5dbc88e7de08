using Pilothouse.Data;

namespace Pilothouse.Server.Platform;

/// <summary>
/// The SQL scripts embedded per module: <c>Modules/X/Migrations/0001_name.sql</c>, or <c>.sqlite.sql</c> and <c>.postgres.sql</c> where the databases differ.
/// Order: module list, then number.
/// </summary>
internal static class Migrations
{
    public static IReadOnlyList<Migration> For(SqlDialect dialect)
    {
        var assembly = typeof(Migrations).Assembly;
        var names = assembly.GetManifestResourceNames();
        return [.. ModuleCatalog.All.SelectMany(module =>
        {
            var prefix = $"Pilothouse.Server.Modules.{module.Name}.Migrations.";
            return names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
                .Where(name => !IsFor(name, "sqlite") && !IsFor(name, "postgres") || IsFor(name, dialect.Name))
                .Order(StringComparer.Ordinal)
                .Select(name => new Migration($"{module.Name.ToLowerInvariant()}/{name[prefix.Length..].Split('.')[0]}", Read(name)));
        })];

        string Read(string name)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return reader.ReadToEnd();
        }
    }

    private static bool IsFor(string resource, string dialect) => resource.EndsWith($".{dialect}.sql", StringComparison.Ordinal);
}
