using System.Globalization;
using System.Text;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>A data set with three versions: collected, corrected and grown, split.</summary>
internal static class DatasetWorld
{
    private const int Rows = 400;

    private static readonly string[] Labels = ["delivery", "delivery", "delivery", "refund", "refund", "account"];

    public static async Task SeedAsync(TestServer server)
    {
        await RegisterAsync(server, Lines(Rows, corrected: false), "Collected from the shop's mailbox");
        await RegisterAsync(server, Lines(Rows + 60, corrected: true), "Labels corrected, two weeks more");
        await server.Client.SplitDatasetAsync("support-questions", 2, new SplitRequest(new Dictionary<string, double> { ["train"] = 0.8, ["validation"] = 0.1, ["test"] = 0.1 }, "id", "label"), default);
    }

    private static async Task RegisterAsync(TestServer server, string text, string description)
    {
        var blob = await server.Service<Pilothouse.Server.Modules.Blobs.Api.IBlobStore>().PutAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), null, default);
        await server.Client.RegisterDatasetAsync("support-questions", new NewDatasetVersion(blob.Digest, "jsonl", description), default);
    }

    private static string Lines(int count, bool corrected)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            var label = corrected && i % 37 == 5 ? "complaint" : Labels[i % Labels.Length];
            text.Append(CultureInfo.InvariantCulture, $$"""
                {"id":"q-{{i:0000}}","question":"Where is my parcel number {{i * 7919 % 10007}}?{{(i % 4 == 0 ? " It should have been here a week ago, and nobody answers the phone." : "")}}","answer":"It is on its way{{(corrected && i % 50 == 0 ? " and comes tomorrow" : "")}}.","label":"{{label}}","minutes":{{Math.Round(12 + 9 * Math.Sin(i) + i % 11, 2)}},"messages":[{"role":"user","content":"Hello"}]{{(corrected ? ",\"language\":\"en\"" : "")}}}

                """);
        }
        return text.ToString().ReplaceLineEndings("\n");
    }
}
