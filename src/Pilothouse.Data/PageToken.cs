using System.Buffers.Text;
using System.Text.Json;

namespace Pilothouse.Data;

/// <summary>
/// Opaque keyset page token: the sort key of the last row, so that the next page starts behind it however many rows were added meanwhile.
/// </summary>
public static class PageToken
{
    /// <summary>Longer tokens are refused unread.</summary>
    private const int MaxLength = 65_536;

    public static string Encode<T>(T key) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(key));

    /// <returns>False when the token is not one of ours.</returns>
    public static bool TryDecode<T>(string token, out T? key)
    {
        key = default;
        if (token.Length is 0 or > MaxLength) return false;
        try
        {
            key = JsonSerializer.Deserialize<T>(Base64Url.DecodeFromChars(token));
            return key is not null;
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return false;
        }
    }
}
