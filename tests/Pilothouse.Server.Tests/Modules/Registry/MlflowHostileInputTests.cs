using CsCheck;
using Pilothouse.Data;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Whatever is sent is answered with a 4xx that says why, nothing is half written, and the server stays up.</summary>
public sealed class MlflowHostileInputTests
{
    private static readonly string Long = new('x', 100_001);

    private static readonly (string Method, string Path, string Body)[] Bodies =
    [
        ("POST", "registered-models/create", """{"name":"a\u0000b"}"""),
        ("POST", "registered-models/create", """{"name":"\ud800"}"""),
        ("POST", "registered-models/create", """{"name":"..."}"""),
        ("POST", "registered-models/create", $$"""{"name":"{{new string('n', 501)}}"}"""),
        ("POST", "registered-models/create", """{"name":"ok","description":"a\u0000b"}"""),
        ("POST", "registered-models/create", $$"""{"name":"ok","tags":[{"key":"k","value":"{{Long}}"}]}"""),
        ("POST", "registered-models/create", """{"name":"ok","tags":[{"key":"k","value":"a\u0000b"}]}"""),
        ("POST", "registered-models/create", """{"name":"ok","tags":[{"key":"../../k","value":"v"}]}"""),
        ("POST", "registered-models/create", """{"name":"ok","tags":[{"value":"v"}]}"""),
        ("POST", "registered-models/create", """[]"""),
        ("POST", "registered-models/create", """{"name":"""),
        ("POST", "model-versions/create", """{"name":"m","source":"/etc/passwd"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"file:///etc/passwd"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"mlflow-artifacts:/0/%252e%252e/secret"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"mlflow-artifacts:/0/..\\..\\secret"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"mlflow-artifacts:"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"runs:/../../secret"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"models:/"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"models:/m@"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"models:/m/nostage"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"s3://b/a\u0000b"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"s3://b/k","run_id":"../x"}"""),
        ("POST", "model-versions/create", """{"name":"m","source":"s3://b/k","run_link":"a\u0000b"}"""),
        ("POST", "model-versions/transition-stage", """{"name":"m","version":"1","stage":"Deleted_Internal"}"""),
        ("POST", "model-versions/transition-stage", """{"name":"m","version":"99999999999999999999","stage":"Staging"}"""),
        ("POST", "model-versions/set-tag", """{"name":"m","version":"1e3","key":"k","value":"v"}"""),
        ("POST", "registered-models/alias", """{"name":"m","alias":"a\u0000","version":"1"}"""),
        ("DELETE", "registered-models/alias", """{"name":"m","alias":"a\u0000"}"""),
        ("DELETE", "registered-models/delete-tag", """{"name":"m","key":"a\u0000"}"""),
        ("POST", "registered-models/rename", """{"name":"m","new_name":"a/b"}"""),
    ];

    [Theory, DatabaseData]
    public async Task A_bad_body_is_refused_with_a_reason_and_changes_nothing(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "m" });
        await mlflow.PostAsync("model-versions/create", new { name = "m", source = "s3://b/1" });
        var before = await StateAsync(server);

        foreach (var (method, path, body) in Bodies)
        {
            var (status, answer) = await mlflow.TryAsync(new HttpMethod(method), path, body);

            var sent = body.Length > 200 ? body[..200] : body;
            Assert.True(status is 400 or 404, $"{path} {sent}: {status} {answer}");
            Assert.False(string.IsNullOrEmpty(answer?["message"]?.GetValue<string>()), sent);
            Assert.Equal(before, await StateAsync(server));
        }
    }

    [Fact]
    public async Task Any_filter_and_token_is_answered()
    {
        await using var server = await TestServer.StartAsync();
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "m" });
        string[] pieces = ["name", "tags.`k`", "tags.mlflow.prompt.is_prompt", "=", "!=", "LIKE", "ILIKE", "IN", "(", ")", "'", "\"", "`", "'a'", "'%'", "5", "version_number", ">", "run_id", "AND", "OR", "\0", "é", ";", "--", "DESC"];
        var words = Gen.Int[0, pieces.Length - 1].Select(i => pieces[i]);

        await Gen.Select(words.Array[0, 8], words.Array[0, 3], Gen.String[0, 20]).SampleAsync(async (filter, order, token) =>
        {
            foreach (var search in (string[])["registered-models/search", "model-versions/search"])
            {
                var query = $"{search}?filter={Uri.EscapeDataString(string.Join(' ', filter))}&order_by={Uri.EscapeDataString(string.Join(' ', order))}&page_token={Escape(token)}";
                var (status, answer) = await mlflow.TryAsync(HttpMethod.Get, query, null);
                Assert.True(status is 200 or 400, $"{query}: {status} {answer}");
            }
        }, iter: 300, threads: 1);
    }

    /// <summary>Half a surrogate pair cannot stand in an address.</summary>
    private static string Escape(string text) => Uri.EscapeDataString(new string([.. text.Where(c => !char.IsSurrogate(c))]));

    private static async Task<string> StateAsync(TestServer server) => await server.Service<Db>().ReadAsync(async session =>
    {
        var objects = await session.QueryAsync<string>("SELECT object_type || name || latest_version || COALESCE(description, '') FROM reg_object ORDER BY 1 LIMIT 100");
        var versions = await session.QueryAsync<string>("SELECT name || version || stage || COALESCE(source, '') FROM reg_version ORDER BY 1 LIMIT 100");
        var tags = await session.QueryAsync<string>("SELECT name || key || value FROM reg_tag ORDER BY 1 LIMIT 100");
        var aliases = await session.QueryAsync<string>("SELECT name || alias FROM reg_pointer ORDER BY 1 LIMIT 100");
        return WireJson.Write(new { objects, versions, tags, aliases, audit = await session.ScalarAsync<long>("SELECT COUNT(*) FROM aud_entry") });
    }, CancellationToken.None);
}
