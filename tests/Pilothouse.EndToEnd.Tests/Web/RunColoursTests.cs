using CsCheck;
using Pilothouse.Web.Text;

namespace Pilothouse.EndToEnd.Tests.Web;

public class RunColoursTests
{
    private static readonly Gen<string[]> Ids = Gen.String[Gen.Char["0123456789abcdef"], 8, 8].Array[1, 100];

    [Fact]
    public void The_order_of_runs_changes_no_colour() => Ids.Sample(ids =>
        RunColours.Of(ids).OrderBy(c => c.Key, StringComparer.Ordinal).SequenceEqual(RunColours.Of(ids.Reverse()).OrderBy(c => c.Key, StringComparer.Ordinal)));

    [Fact]
    public void Up_to_eight_runs_have_different_colours_and_up_to_32_different_lines() => Ids.Sample(ids =>
    {
        var colours = RunColours.Of(ids.Take(8));
        var lines = RunColours.Of(ids.Take(32));
        return colours.Values.Select(c => c.Colour).Distinct().Count() == colours.Count && lines.Values.Distinct().Count() == lines.Count;
    });
}
