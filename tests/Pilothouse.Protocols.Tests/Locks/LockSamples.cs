using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Protocols.Tests.Locks;

internal static class LockSamples
{
    public static readonly Digest Config = Digest.Of("config"u8);

    /// <summary>Every kind and every field.</summary>
    public static LockFile Full()
    {
        var files = ContentManifest.Create([new ContentFile("model.onnx", 100, Digest.Of("onnx"u8)), new ContentFile("config.json", 6, Config)]);
        return LockFile.Create(
        [
            new LockEntry(LockKind.Tool, "search") { Path = "tools/search.json", Digest = Digest.Of("t"u8), Size = 3 },
            new LockEntry(LockKind.Suite, "quality") { Digest = Digest.Of("s"u8) },
            new LockEntry(LockKind.Prompt, "prompts/support.yaml") { Digest = Digest.Of("p"u8), Size = 4 },
            new LockEntry(LockKind.Prompt, "prompts:/terse@production") { Reference = "prompts:/terse/7", Digest = Digest.Of("r"u8) },
            new LockEntry(LockKind.Model, "remote") { Reference = "http://127.0.0.1:8080/v1#llama" },
            new LockEntry(LockKind.Model, "assistant") { Reference = "models:/assistant/2", Follows = "@champion", Checkout = "models/assistant", Digest = files.Digest, Size = files.TotalSize, Files = files.Files },
            new LockEntry(LockKind.Folder, "data/images") { Digest = Digest.Of("f"u8), Size = 12, FileCount = 2 },
            new LockEntry(LockKind.File, "data/big.bin") { Digest = Digest.Of("b"u8), Size = 0 },
            new LockEntry(LockKind.Data, "tickets") { Reference = "datasets:/tickets/3", Checkout = "data/tickets.jsonl", Digest = Digest.Of("d"u8), Size = 10 },
            new LockEntry(LockKind.Data, "heldout") { Path = "data/heldout.jsonl", Digest = Digest.Of("h"u8), Size = 20 },
        ]);
    }
}
