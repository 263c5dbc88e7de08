namespace Pilothouse.Server.Modules.Tracking;

/// <summary>A readable name for a run that came without one: <c>calm-heron-417</c>, always the same for the same run id.</summary>
internal static class RunNames
{
    private static readonly string[] Adjectives = ["agile", "amber", "brave", "brisk", "calm", "clear", "clever", "coral", "deft", "eager", "fair", "fleet", "gentle", "golden", "hardy", "keen",
        "lively", "lucid", "mellow", "merry", "nimble", "patient", "placid", "proud", "quick", "quiet", "ready", "serene", "silver", "steady", "swift", "wise"];

    private static readonly string[] Animals = ["auk", "beluga", "bream", "cod", "cormorant", "crab", "curlew", "dolphin", "dory", "eider", "fulmar", "gannet", "grebe", "gull", "heron", "kestrel",
        "marlin", "narwhal", "orca", "osprey", "otter", "petrel", "plover", "puffin", "ray", "sandpiper", "seal", "skua", "sprat", "tern", "turbot", "whale"];

    /// <param name="runId">32 hex digits whose last ones are random.</param>
    public static string For(string runId)
    {
        var random = Convert.ToUInt32(runId[^8..], 16);
        return $"{Adjectives[random & 31]}-{Animals[(random >> 5) & 31]}-{(random >> 10) % 1000}";
    }
}
