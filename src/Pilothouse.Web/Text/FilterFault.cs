using System.Globalization;
using System.Text.RegularExpressions;

namespace Pilothouse.Web.Text;

/// <summary>Where a filter is wrong: the reader of the grammar says it in words, <c>... at character 15 ...</c>.</summary>
internal static partial class FilterFault
{
    /// <returns>0-based index, or null when the message names none.</returns>
    public static int? Position(Exception fault)
    {
        if (fault.GetType().GetProperty("Position")?.GetValue(fault) is int position) return position;
        var match = Place().Match(fault.Message);
        return match.Success ? Math.Max(0, int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) - 1) : null;
    }

    [GeneratedRegex(@"(?:character|position|column)\s+(\d{1,6})", RegexOptions.IgnoreCase)]
    private static partial Regex Place();
}
