namespace Pilothouse.Server.Modules.Registry;

/// <summary>How a model was made from its base model, in the words of Hugging Face's cards.</summary>
internal static class BaseRelation
{
    public const string FineTune = "finetune";
    public const string Adapter = "adapter";
    public const string Quantized = "quantized";
    public const string Merge = "merge";

    private static readonly string[] All = [FineTune, Adapter, Quantized, Merge];

    /// <exception cref="Platform.PilothouseException">InvalidArgument: an unknown word, or a relation to nothing.</exception>
    public static void Require(string? relation, string? baseModel)
    {
        if (relation is null) return;
        if (!All.Contains(relation)) throw RegistryRules.Invalid($"'{RegistryRules.Shorten(relation)}' is not a relation to a base model. Use {string.Join(", ", All)}.");
        if (baseModel is null) throw RegistryRules.Invalid($"The model is said to be '{relation}' of a base model, but names none (--base models:/NAME/VERSION).");
    }

    /// <summary>As stated; else an adapter is known by its configuration, and a GGUF file of a registered model is taken for a quantisation.</summary>
    public static string Of(string? stated, IReadOnlyList<string> paths) => stated
        ?? (paths.Contains("adapter_config.json") ? Adapter : paths.Any(p => p.EndsWith(".gguf", StringComparison.Ordinal)) && !paths.Any(p => p.EndsWith(".safetensors", StringComparison.Ordinal)) ? Quantized : FineTune);

    /// <summary>As lineage says it, from cause to effect.</summary>
    public static string Words(string? relation) => relation switch
    {
        Adapter => "adapter of",
        Quantized => "quantised from",
        Merge => "merged from",
        _ => "base model",
    };
}
