using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Gateway;

/// <summary>OpenAI's clients cannot be without an API key, so one that means nothing must not lock them out of a server without login - and must not let them into one with.</summary>
public class KeysTests
{
    [Theory]
    [InlineData(false, "/v1/models", HttpStatusCode.OK)]
    [InlineData(false, "/api/v1/traces", HttpStatusCode.Unauthorized)]
    [InlineData(true, "/v1/models", HttpStatusCode.Unauthorized)]
    public async Task An_unknown_key_is_as_good_as_none(bool login, string path, HttpStatusCode expected)
    {
        await using var server = await TestServer.StartAsync(customize: builder =>
        {
            if (login) builder.Services.AddSingleton<IAuthenticator>(new LoginOnly());
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", "sk-anything") } };
        using var response = await server.Http.SendAsync(request);
        Assert.Equal(expected, response.StatusCode);
    }

    private sealed class LoginOnly : IAuthenticator
    {
        public Caller? Anonymous => null;

        public Task<Caller?> AuthenticateAsync(string token, CancellationToken ct) => Task.FromResult<Caller?>(null);
    }
}
