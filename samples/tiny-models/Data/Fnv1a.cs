using System.Text;

namespace Pilothouse.Samples.TinyModels.Data;

/// <summary>32-bit FNV-1a over the UTF-8 bytes (http://www.isthe.com/chongo/tech/comp/fnv/): offset basis 2166136261, prime 16777619.</summary>
internal static class Fnv1a
{
    public static uint Hash(string text)
    {
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(text)) hash = unchecked((hash ^ b) * 16777619u);
        return hash;
    }
}
