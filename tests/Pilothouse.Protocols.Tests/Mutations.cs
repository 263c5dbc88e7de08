using CsCheck;

namespace Pilothouse.Protocols.Tests;

/// <summary>Hostile neighbours of valid input: flipped, cut, repeated and inserted bytes.</summary>
internal static class Mutations
{
    /// <summary>One to four random edits of the valid bytes.</summary>
    public static Gen<byte[]> Of(byte[] valid) =>
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, Math.Max(valid.Length - 1, 0)], Gen.Byte, Gen.Int[1, 16])
            .Array[1, 4]
            .Select(edits => edits.Aggregate(valid, (bytes, e) => Edit(bytes, e.Item1, e.Item2, e.Item3, e.Item4)));

    /// <summary>Runs the reader on mutations; it may succeed or throw <see cref="ProtocolFormatException"/>, nothing else.</summary>
    public static void OnlyNamedErrors(byte[] valid, Action<byte[]> read, int iterations = 2_000) =>
        Of(valid).Sample(bytes => Survives(() => read(bytes)), iter: iterations);

    /// <summary>The same for text: a mutation of its UTF-8, read back with replacement characters.</summary>
    public static void OnlyNamedErrors(string valid, Action<string> read, int iterations = 2_000) =>
        OnlyNamedErrors(System.Text.Encoding.UTF8.GetBytes(valid), bytes => read(System.Text.Encoding.UTF8.GetString(bytes)), iterations);

    private static void Survives(Action read)
    {
        try
        {
            read();
        }
        catch (ProtocolFormatException)
        {
            // The named refusal is the point.
        }
    }

    private static byte[] Edit(byte[] bytes, int kind, int at, byte value, int count)
    {
        at = Math.Min(at, bytes.Length);
        var end = Math.Min(at + count, bytes.Length);
        return kind switch
        {
            0 when at < bytes.Length => [.. bytes[..at], value, .. bytes[(at + 1)..]],
            1 => bytes[..at],
            2 => [.. bytes[..at], .. bytes[end..]],
            3 => [.. bytes[..end], .. bytes[at..]],
            _ => [.. bytes[..at], .. Enumerable.Repeat(value, count), .. bytes[at..]],
        };
    }
}
