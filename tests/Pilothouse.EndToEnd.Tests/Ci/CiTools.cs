using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>What <c>eng/ci-tools</c> brings: others' validators, to judge what we write and what we say of it.</summary>
internal static class CiTools
{
    private const string Validator = """
        const fs = require('fs'), yaml = require('js-yaml');
        const [schemaFile, ...files] = process.argv.slice(1);
        const schema = JSON.parse(fs.readFileSync(schemaFile));
        const Ajv = /draft-04/.test(schema.$schema || '') ? require('ajv-draft-04') : require('ajv');
        const ajv = new Ajv({ strict: false, allErrors: false, logger: false });
        require('ajv-formats')(ajv);
        const validate = ajv.compile(schema);
        for (const file of files) {
            let ok = false, why = '';
            try { ok = validate(yaml.load(fs.readFileSync(file, 'utf8'))); if (!ok) why = JSON.stringify(validate.errors.slice(0, 3)); } catch (e) { why = e.message; }
            console.log((ok ? 'OK ' : 'NO ') + file + ' ' + why.replace(/\n/g, ' '));
        }
        """;

    public static string Folder { get; } = Environment.GetEnvironmentVariable("PILOTHOUSE_CI_TOOLS") ?? Path.Combine(RepoRoot.Path, "artifacts", "ci-tools");

    /// <summary>Skips the test when a tool is not there.</summary>
    public static string Need(params string[] path)
    {
        var full = Path.Combine([Folder, .. path]);
        Assert.SkipUnless(File.Exists(full) || Directory.Exists(full), $"{string.Join('/', path)} is not there; eng/ci-tools brings it.");
        return full;
    }

    /// <returns>For each file: whether the system's own schema accepts it, and the validator's words.</returns>
    public static async Task<IReadOnlyList<(bool Ok, string Line)>> ValidateAsync(string schema, IReadOnlyList<string> files)
    {
        Need("node_modules", "ajv");
        Assert.SkipUnless(Shell.Has("node"), "node is not installed.");
        var result = await Shell.RunAsync(Folder, "node", ["-e", Validator, Need("schemas", schema), .. files]);
        return [.. result.Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => (l.StartsWith("OK ", StringComparison.Ordinal), l))];
    }
}
