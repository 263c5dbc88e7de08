using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>promptfoo's HTTP and exec providers and its files of rows. The verdicts of <see cref="Csv"/> are those of promptfoo 0.123.1 with the same configuration.</summary>
public sealed class PromptfooProviderTests : IAsyncLifetime
{
    private const string Csv = """"
        name,text,__expected,__expected2,__description,__threshold,__metric
        Ann,hi,contains: Ann,,contains,,greeting
        Ann,hi,not-contains: Ann,,not-contains misses,,
        Ann,hi,"contains-all: Ann, hi",,contains-all,,
        Ann,hi,"icontains-any: bob, ANN",,icontains-any,,
        Ann,"a, ""b""","contains: a, ""b""",,quotes,,
        Ann,hi,contains: Bob,contains: Ann,half of two,0.5,
        Ann,hi,contains: Bob,contains: Ann,one of two misses,,
        Ann,hi,levenshtein(3): Hello Anna: hi,,levenshtein,,
        Ann,hi,levenshtein: Hello Anna: hi,,levenshtein with promptfoo's default misses,,
        Ann,hi,starts-with: Hello,,starts-with,,
        Ann,hi,regex: H\w+o,,regex,,
        Ann,hi,Hello Ann: hi,,equals,,
        Ann,hi,Hello Bob: hi,,equals misses,,
         Bob , spaces ,Hello Bob: spaces,,white space misses,,
        Ann,hi, contains:  Ann,,space before the type,,
        Ann,hi,similarity: x,,no type of assertion misses,,
        Ann,hi,,,nothing expected,,
        """";

    private static readonly (string Id, bool IsPass)[] CsvVerdicts =
    [
        ("contains", true), ("not-contains misses", false), ("contains-all", true), ("icontains-any", true), ("quotes", true), ("half of two", true), ("one of two misses", false), ("levenshtein", true),
        ("levenshtein with promptfoo's default misses", false), ("starts-with", true), ("regex", true), ("equals", true), ("equals misses", false), ("white space misses", false), ("space before the type", true), ("no type of assertion misses", false), ("nothing expected", true),
    ];

    private RequestDelegate _upstream = _ => Task.CompletedTask;
    private WebApplication _app = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(http => _upstream(http));
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static async Task<(EvaluationDetail Result, IReadOnlyList<EvaluationCase> Cases)> RunAsync(Action<EvaluationBench> prepare, params (string, string)[] files)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = new EvaluationBench(database);
        prepare(bench);
        bench.Repositories.Commit("v1", files);
        var result = await bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: files.Any(f => f.Item1 == "pilothouse.yaml") ? null : files[0].Item1));
        return (result, (await bench.Service().CasesAsync(result.Summary.Id, null, null, 100, null, default)).Items);
    }

    [Fact]
    public async Task Tests_of_a_csv_file_have_the_verdicts_that_promptfoo_gives()
    {
        var (_, cases) = await RunAsync(_ => { }, ("evals/promptfooconfig.yaml", "prompts: ['Hello {{name}}: {{text}}']\nproviders: [echo]\ntests: file://tests.csv\n"), ("evals/tests.csv", "\ufeff" + Csv.Replace("\n", "\r\n", StringComparison.Ordinal)));
        Assert.Equal(CsvVerdicts, cases.Select(c => (c.Id, c.Scores["pass"] == 1)));
    }

    [Fact]
    public async Task A_suite_of_the_project_file_names_a_configuration_and_tests_come_from_json_lines()
    {
        var (result, cases) = await RunAsync(_ => { },
            ("pilothouse.yaml", "apiVersion: pilothouse/v1\nproject: shop\nsuites: { regression: { promptfoo: evals/promptfooconfig.yaml } }\n"),
            ("evals/promptfooconfig.yaml", "prompts: ['Hello {{name}}', 'Bye {{name}}']\nproviders: [echo]\ntests: [file://a.jsonl, { description: own, vars: { name: Bob }, assert: [{ type: contains, value: Bob }] }]\n"),
            ("evals/a.jsonl", "\ufeff{\"description\": \"first\", \"vars\": {\"name\": \"Ann\"}, \"assert\": [{\"type\": \"contains\", \"value\": \"Hello Ann\"}]}\n\n"));
        Assert.Equal(("FAIL", "regression.echo-p1,regression.echo-p2"), (result.Summary.Verdict, string.Join(',', result.Suites.Select(s => s.Name))));
        Assert.Equal([true, true, false, true], cases.Select(c => c.Scores["pass"] == 1));
    }

    [Fact]
    public async Task An_http_provider_is_asked_as_it_says_and_its_answer_is_found()
    {
        var seen = new List<string>();
        _upstream = async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var body = await reader.ReadToEndAsync();
            lock (seen) seen.Add($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} {http.Request.ContentType?.Split(';')[0]} {http.Request.Headers["X-Shop"]} {body}");
            await http.Response.WriteAsync("""{"choices":[{"message":{"content":"It costs 42 euros."}}]}""");
        };
        var (result, cases) = await RunAsync(_ => { }, ("promptfooconfig.yaml", """
            prompts: ['Price of "{{what}}"?']
            providers:
              - id: URL/ask
                label: json
                config: { method: post, headers: { X-Shop: 'of {{what}}' }, body: { messages: [{ role: user, content: '{{prompt}}' }], n: '{{n}}' }, transformResponse: 'json.choices[0].message.content' }
              - id: http
                label: text
                config: { url: 'URL/text', method: POST, headers: { Content-Type: application/json }, body: '{"q": "{{prompt}}"}', transformResponse: '(json, text) => json.nothing || text' }
              - id: URL/get
                label: get
                config: { method: GET, queryParams: { q: '{{what}} &' }, transformResponse: 'json?.choices[0]["message"]' }
            tests: [{ vars: { what: lamp, n: 3 }, assert: [{ type: icontains, value: 42 euros }] }]
            """.Replace("URL", _app.Urls.First(), StringComparison.Ordinal)));

        Assert.True(result.Summary.Verdict == "PASS", result.Summary.Reason);
        Assert.Equal(["It costs 42 euros.", """{"choices":[{"message":{"content":"It costs 42 euros."}}]}""", """{"content":"It costs 42 euros."}"""], cases.Select(c => c.Candidate));
        Assert.Equal(
        [
            """POST /ask application/json of lamp {"messages":[{"role":"user","content":"Price of \"lamp\"?"}],"n":"3"}""",
            """POST /text application/json  {"q": "Price of \"lamp\"?"}""",
            "GET /get?q=lamp%20%26   ",
        ], seen);
    }

    [Theory]
    [InlineData(500, "{}", "answered 500")]
    [InlineData(404, "gone", "answered 404: gone")]
    [InlineData(200, "{\"other\":1}", "transformResponse 'json.answer' finds nothing in the response")]
    public async Task A_response_without_an_answer_is_no_pass(int status, string body, string expected)
    {
        _upstream = http =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync(body);
        };
        var (result, _) = await RunAsync(_ => { }, ("promptfooconfig.yaml", $"prompts: [hi]\nproviders: [{{ id: '{_app.Urls.First()}', config: {{ method: POST, body: {{ q: '{{{{prompt}}}}' }}, transformResponse: json.answer }} }}]\ntests: [{{ vars: {{ x: a }} }}]\n"));
        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Contains(expected, result.Summary.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_gets_prompt_provider_and_test_as_arguments()
    {
        const string Script = """
            import json, os, sys
            prompt, options, context = sys.argv[-3:]
            if 'secret' in prompt: sys.exit('no')
            print('\x1b[31m' + prompt.upper(), sys.argv[1], json.loads(options)['config']['basePath'], json.loads(context)['vars']['name'], os.environ.get('OPENAI_API_KEY'), '\x1b[0m')
            """;
        const string Config = "prompts: ['Hello {{name}}']\nproviders: ['exec:python3 bot.py \"two words\"']\ntests: [{ vars: { name: Ann }, assert: [{ type: starts-with, value: HELLO ANN two words }] }, { vars: { name: secret } }]\n";
        var (result, cases) = await RunAsync(b => b.Options.AllowProcesses = true, ("evals/promptfooconfig.yaml", Config), ("evals/bot.py", Script));
        Assert.Equal("HELLO ANN two words . Ann None ", cases[0].Candidate);
        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Contains("The command ended with exit code 1. no", cases[1].Error, StringComparison.Ordinal);

        var refused = await Assert.ThrowsAsync<PilothouseException>(() => RunAsync(_ => { }, ("evals/promptfooconfig.yaml", Config), ("evals/bot.py", Script)));
        Assert.Contains("evals/promptfooconfig.yaml:2: 'exec:python3 bot.py \"two words\"' runs a command", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("providers: [{ id: 'http://x/', config: { method: POST } }]", "An HTTP provider needs a body")]
    [InlineData("providers: [{ id: 'http://x/', config: { body: { a: b }, transformResponse: 'json.a.map(x => x)' } }]", "is JavaScript, which is not run here")]
    [InlineData("providers: [{ id: 'http://x/', config: { body: { a: b }, request: raw } }]", "'request' of an HTTP provider is not read here")]
    [InlineData("providers: [{ id: 'http://x/', config: { body: { a: b }, headers: { Authorization: 'Bearer {{env.KEY | upper}}' } } }]", "'{{env.KEY | upper}}' is more than a variable of the environment")]
    [InlineData("providers: [{ id: http, config: { body: { a: b } } }]", "is no address")]
    [InlineData("providers: ['exec:']", "The command is empty")]
    [InlineData("providers: ['python:bot.py']", "'python:bot.py' is not run here")]
    [InlineData("providers: ['file://bot.js']", "'file://bot.js' is not run here")]
    [InlineData("providers: [echo]\ntests: file://t.csv", "t.csv, line 3: there are 1 fields for 2 columns", "a,b\n1,2\n3\n")]
    [InlineData("providers: [echo]\ntests: file://t.csv", "a quoted field does not end", "a,b\n1,\"2\n")]
    [InlineData("providers: [echo]\ntests: file://t.csv", "the column '__providerOutput' with 'x' is not read here", "a,__providerOutput\n1,x\n")]
    [InlineData("providers: [echo]\ntests: file://t.csv", "Did you mean '__expected'", "a,_expected\n1,x\n")]
    [InlineData("providers: [echo]\ntests: file://t.csv", "line 1: two columns are called '__expected'", "a,__expected,__expected\n1,x,y\n")]
    [InlineData("providers: [echo]\ntests: file://t.csv", "t.csv, line 3: there are 1 fields", "a,b\r1,2\r3\r")]
    [InlineData("providers: [echo]\ntests: file://t.jsonl", "t.jsonl, line 2", "{}\nnope\n")]
    [InlineData("providers: [echo]\ntests: file://t.jsonl", "a test is a JSON object", "[1]\n")]
    public void What_cannot_be_read_is_refused_by_name(string config, string expected, string? file = null)
    {
        var result = PromptfooReader.Parse("prompts: ['a']\n" + config + "\n", name => name.StartsWith("t.", StringComparison.Ordinal) ? file : null);
        Assert.Null(result.Config);
        Assert.Contains(result.Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void An_assertion_of_a_csv_file_that_is_not_run_keeps_its_type()
    {
        var result = PromptfooReader.Parse("prompts: ['a']\nproviders: [echo]\ntests: file://t.csv\n", _ => "__expected,__expected2,__expected3\njavascript: output.length > 1,python: x,answer-relevance(0.4): why\n");
        Assert.Equal(["javascript", "python", "answer-relevance"], result.Config!.Tests[0].Assertions.Select(a => a.Type));
        Assert.All(result.Config.Tests[0].Assertions, a => Assert.Contains("is not run here", a.Fault, StringComparison.Ordinal));
    }
}
