using CsCheck;
using Pilothouse.Server.Modules.Gateway.Engines;

namespace Pilothouse.Server.Tests.Modules.Gateway.Engines;

public class StopTextTests
{
    [Fact]
    public void Whatever_the_pieces_the_answer_ends_before_the_first_stop() =>
        Gen.Select(Gen.String[Gen.Char['a', 'c'], 0, 4].Array[0, 12], Gen.String[Gen.Char['a', 'c'], 1, 4].Array[0, 3]).Sample((pieces, stops) =>
        {
            var text = new StopText(stops);
            var sent = "";
            foreach (var piece in pieces)
            {
                if (text.Stopped) break;
                sent += text.Add(piece);
            }
            if (!text.Stopped) sent += text.Flush();
            var whole = string.Concat(pieces);
            // Where a stop is complete first, not where it begins first: the generation ends there.
            var end = Enumerable.Range(0, whole.Length + 1).FirstOrDefault(e => stops.Any(s => whole[..e].EndsWith(s, StringComparison.Ordinal)), -1);
            if (end < 0) return sent == whole && text.Text == whole;
            return text.Stopped && sent == text.Text && whole.StartsWith(sent, StringComparison.Ordinal) && stops.All(s => !sent.Contains(s, StringComparison.Ordinal));
        });
}
