using System.Globalization;
using System.Text;
using CsCheck;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Protocols.Tests.Mlflow;

public sealed class MlflowBatchTests
{
    private static readonly string[] MetricKeys = ["loss", "a/b c", "ünï", "q\"x"];
    private static readonly string[] PairKeys = ["lr", "opt", "mlflow.runName"];

    [Fact]
    public void The_fast_reader_and_the_general_one_agree()
    {
        var metric = Gen.Select(Gen.Int[0, 3].Select(i => MetricKeys[i]), Gen.Double[-1e300, 1e300], Gen.Long[0, 1L << 50], Gen.Long[-9, 1L << 40]);
        var pair = Gen.Select(Gen.Int[0, 2].Select(i => PairKeys[i]), Gen.String[0, 20]);
        Gen.Select(metric.List[0, 30], pair.List[0, 5], pair.List[0, 5]).Sample((metrics, parameters, tags) =>
        {
            var json = Json(metrics, parameters, tags);

            var fast = MlflowBatch.Read(Encoding.UTF8.GetBytes(json));
            // One numeric string sends the whole body down the general path.
            var general = MlflowBatch.Read(Encoding.UTF8.GetBytes(json.Replace("\"metrics\": [", "\"metrics\": [{\"key\": \"extra\", \"value\": \"1.5\", \"timestamp\": 1}" + (metrics.Count > 0 ? ", " : ""), StringComparison.Ordinal)));

            Assert.Equal(fast.Metrics.Select(p => (fast.Keys[p.Key], p.Timestamp, p.Step, p.Value)), general.Metrics.Skip(1).Select(p => (general.Keys[p.Key], p.Timestamp, p.Step, p.Value)));
            Assert.Equal(fast.Params, general.Params);
            Assert.Equal(fast.Tags, general.Tags);
            Assert.Equal(metrics.Count, fast.Metrics.Length);
        });
    }

    [Fact]
    public void Bare_NaN_and_infinities_of_Python_are_read()
    {
        var batch = MlflowBatch.Read("""{"run_id": "r", "metrics": [{"key": "NaN \"Infinity\"", "value": NaN, "timestamp": 1}, {"key": "b", "value": -Infinity, "timestamp": 2, "step": 3}]}"""u8.ToArray());

        Assert.Equal(["NaN \"Infinity\"", "b"], batch.Keys);
        Assert.True(double.IsNaN(batch.Metrics[0].Value));
        Assert.Equal(new MlflowPoint(1, 2, 3, double.MinValue), batch.Metrics[1]);
    }

    [Fact]
    public void Arbitrary_bytes_are_a_batch_or_a_format_error() => Gen.Byte.Array[0, 200].Sample(bytes => Judge(bytes));

    [Fact]
    public void A_damaged_batch_is_a_batch_or_a_format_error()
    {
        var body = Encoding.UTF8.GetBytes("""{"run_id": "r", "metrics": [{"key": "a", "value": 1.5, "timestamp": 1, "step": 2}], "params": [{"key": "p", "value": "v"}], "tags": [{"key": "t", "value": "w"}]}""");
        Gen.Select(Gen.Int[0, body.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var damaged = (byte[])body.Clone();
            damaged[at] = value;
            Judge(damaged);
        });
        for (var length = 0; length < body.Length; length++) Judge(body[..length]);
    }

    private static void Judge(byte[] body)
    {
        try
        {
            var batch = MlflowBatch.Read(body);
            Assert.NotEmpty(batch.RunId);
            Assert.All(batch.Metrics, p => Assert.InRange(p.Key, 0, batch.Keys.Count - 1));
        }
        catch (ProtocolFormatException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    private static string Json(List<(string Key, double Value, long Time, long Step)> metrics, List<(string Key, string Value)> parameters, List<(string Key, string Value)> tags)
    {
        static string Text(string value) => System.Text.Json.JsonSerializer.Serialize(value);
        static string Pairs(List<(string Key, string Value)> pairs) => string.Join(", ", pairs.Select(p => $"{{\"key\": {Text(p.Key)}, \"value\": {Text(p.Value)}}}"));
        var points = string.Join(", ", metrics.Select(m => string.Create(CultureInfo.InvariantCulture, $"{{\"key\": {Text(m.Key)}, \"value\": {m.Value:R}, \"timestamp\": {m.Time}, \"step\": {m.Step}, \"run_id\": \"r\"}}")));
        return $"{{\"run_id\": \"r\", \"metrics\": [{points}], \"params\": [{Pairs(parameters)}], \"tags\": [{Pairs(tags)}]}}";
    }
}
