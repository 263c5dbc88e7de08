using Microsoft.Playwright;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>Debian's chromium, headless, one for all tests of a class.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>Where browsers usually are; <c>PILOTHOUSE_TEST_CHROMIUM</c> names another.</summary>
    private static readonly string[] Usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public static string? Executable { get; } =
        Environment.GetEnvironmentVariable("PILOTHOUSE_TEST_CHROMIUM") is { Length: > 0 } named ? named : Usual.FirstOrDefault(File.Exists);

    public async ValueTask InitializeAsync()
    {
        if (Executable is null) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Executable, Args = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"], Timeout = 180_000 });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>A page with its own cookies. Skips the test visibly when there is no browser.</summary>
    public async Task<IPage> OpenAsync(Uri server, int width = 1440, int height = 900, ColorScheme scheme = ColorScheme.Light, bool javaScript = true)
    {
        if (_browser is null) Assert.Skip("No chromium: install it, or set PILOTHOUSE_TEST_CHROMIUM.");
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = server.ToString(),
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ColorScheme = scheme,
            JavaScriptEnabled = javaScript,
        });
        context.SetDefaultTimeout(60_000);
        return await context.NewPageAsync();
    }
}
