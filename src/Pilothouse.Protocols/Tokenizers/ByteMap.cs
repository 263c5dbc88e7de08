namespace Pilothouse.Protocols.Tokenizers;

/// <summary>GPT-2's map of bytes to printable characters: printable Latin-1 to itself, the other 68 to U+0100 and up. A space is <c>Ġ</c>.</summary>
internal static class ByteMap
{
    private static readonly char[] Chars = Build();
    private static readonly Dictionary<char, byte> Bytes = Chars.Index().ToDictionary(p => p.Item, p => (byte)p.Index);

    public static char ToChar(byte value) => Chars[value];

    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        var chars = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            chars[i] = Chars[bytes[i]];
        return new string(chars);
    }

    /// <returns>The bytes, or null when a character is not of the map.</returns>
    public static byte[]? ToBytes(string text)
    {
        var bytes = new byte[text.Length];
        for (var i = 0; i < text.Length; i++)
        {
            if (!Bytes.TryGetValue(text[i], out bytes[i]))
                return null;
        }

        return bytes;
    }

    private static char[] Build()
    {
        var map = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
            map[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return map;
    }
}
