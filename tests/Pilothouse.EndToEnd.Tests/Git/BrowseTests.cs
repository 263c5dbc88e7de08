using System.Net;
using System.Text;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>Reading a repository through the API and the service behind the pages.</summary>
public class BrowseTests
{
    [Fact]
    public async Task Trees_and_files_of_every_kind_are_told_as_what_they_are()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "src/häuser & [x].txt", "eins\nzwei\n"u8.ToArray());
        await world.WriteAsync("a", "zeros", new byte[100]);
        await world.WriteAsync("a", "long.txt", Encoding.ASCII.GetBytes(new string('x', 600_000)));
        await world.WriteAsync("a", "picture.png", [0x89, 0x50, 0x4e, 0x47]);
        await world.WriteAsync("a", "empty", []);
        await world.WriteAsync("a", "weights.bin", GitWorld.Noise(9_000, 1));
        File.CreateSymbolicLink(world.PathOf("a", "link"), "src/häuser & [x].txt");
        await world.CommitAsync("a", "All kinds");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        var browser = world.Server.Service<IRepositoryBrowser>();

        var root = await browser.TreeAsync("shop", "main", "", default);
        Assert.Equal(["src", ".gitattributes", "empty", "link", "long.txt", "picture.png", "weights.bin", "zeros"], root.Items.Select(i => i.Name));
        Assert.Equal(("directory", "link"), (root.Items[0].Kind, root.Items[3].Kind));
        Assert.Equal("src/häuser & [x].txt", Assert.Single((await browser.TreeAsync("shop", "main", "/src/", default)).Items).Path);
        var text = await browser.FileAsync("shop", "main", "src/häuser & [x].txt", default);
        Assert.Equal(("text", "eins\nzwei\n", false), (text.Kind, text.Text, text.Truncated));
        Assert.Equal("binary", (await browser.FileAsync("shop", "main", "zeros", default)).Kind);
        Assert.Equal(("text", ""), await KindAsync("empty"));
        Assert.Equal(("link", "src/häuser & [x].txt"), await KindAsync("link"));
        Assert.Equal("image/png", (await browser.FileAsync("shop", "main", "picture.png", default)).MediaType);
        var large = await browser.FileAsync("shop", "main", "long.txt", default);
        Assert.Equal((true, 512 * 1024), (large.Truncated, large.Text!.Length));
        var lfs = await browser.FileAsync("shop", "main", "weights.bin", default);
        Assert.Equal(("lfs", new LfsView(GitWorld.Oid(GitWorld.Noise(9_000, 1)), 9_000, true)), (lfs.Kind, lfs.Lfs));
        Assert.Equal(GitWorld.Noise(9_000, 1), await world.Server.Http.GetByteArrayAsync("/api/v1/projects/shop/raw?path=weights.bin&revision=main"));

        async Task<(string, string?)> KindAsync(string path) => await browser.FileAsync("shop", "main", path, default) is var f ? (f.Kind, f.Text) : default;
    }

    [Theory]
    [InlineData("main", "../etc/passwd", 400)]
    [InlineData("main", "a/./b", 400)]
    [InlineData("main", "nothing", 404)]
    [InlineData("nothing", "f", 404)]
    [InlineData("main", ":(glob)**", 404)]
    [InlineData("--upload-pack=x", "f", 400)]
    [InlineData("main:f", "f", 400)]
    [InlineData("main", "*", 404)]
    public async Task A_path_or_revision_that_is_none_is_refused(string revision, string path, int status)
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "f", "1"u8.ToArray());
        await world.CommitAsync("a", "One");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        foreach (var call in (string[])["view", "raw", "blame"])
        {
            using var response = await world.Server.Http.GetAsync($"/api/v1/projects/shop/{call}?revision={Uri.EscapeDataString(revision)}&path={Uri.EscapeDataString(path)}");
            Assert.Equal((HttpStatusCode)status, response.StatusCode);
        }
    }

    [Fact]
    public async Task History_comes_in_pages_and_of_one_path()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        for (var i = 0; i < 7; i++)
        {
            await world.WriteAsync("a", i % 2 == 0 ? "even" : "odd", [(byte)('0' + i)]);
            await world.CommitAsync("a", $"Commit {i}\n\nBody {i}");
        }
        (await world.GitAsync("a", "push", "-q", "origin", "main:feature/#1")).Succeeded();
        var browser = world.Server.Service<IRepositoryBrowser>();

        List<string> subjects = [];
        for (string? token = null; ;)
        {
            var page = await browser.HistoryAsync("shop", "feature/#1", "", 3, token, default);
            subjects.AddRange(page.Items.Select(c => c.Subject));
            if ((token = page.NextPageToken) is null) break;
        }
        Assert.Equal(["Commit 6", "Commit 5", "Commit 4", "Commit 3", "Commit 2", "Commit 1", "Commit 0"], subjects);
        var odd = (await browser.HistoryAsync("shop", "feature/#1", "odd", 10, null, default)).Items;
        Assert.Equal(["Commit 5\n\nBody 5", "Commit 3\n\nBody 3", "Commit 1\n\nBody 1"], odd.Select(c => c.Message));
        await Assert.ThrowsAsync<PilothouseException>(() => browser.HistoryAsync("shop", "feature/#1", "", 3, "bm9uc2Vuc2U", default));
    }

    [Fact]
    public async Task A_commit_shows_what_it_changed_line_by_line()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "kept.txt", Lines(1, 20));
        await world.WriteAsync("a", "old name.txt", Lines(100, 120));
        await world.WriteAsync("a", "gone.txt", "bye\n"u8.ToArray());
        await world.WriteAsync("a", "turns", "file\n"u8.ToArray());
        await world.WriteAsync("a", "data", new byte[10]);
        await world.CommitAsync("a", "Before");
        await world.WriteAsync("a", "kept.txt", Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(Lines(1, 20)).Replace("line 10\n", "line ten\nand a half\n", StringComparison.Ordinal)));
        File.Move(world.PathOf("a", "old name.txt"), world.PathOf("a", "new\tname.txt"));
        File.Delete(world.PathOf("a", "gone.txt"));
        File.Delete(world.PathOf("a", "turns"));
        File.CreateSymbolicLink(world.PathOf("a", "turns"), "kept.txt");
        await world.WriteAsync("a", "data", new byte[20]);
        await world.WriteAsync("a", "zz no end", "no newline"u8.ToArray());
        await world.CommitAsync("a", "After");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        var browser = world.Server.Service<IRepositoryBrowser>();

        var diff = (await browser.CommitAsync("shop", "main", default)).Diff;

        var files = diff.Files.ToDictionary(f => f.Path ?? f.OldPath!);
        Assert.Equal((6, false), (diff.Count, diff.Truncated));
        Assert.Equal(("modified", 2L, 1L), (files["kept.txt"].Status, files["kept.txt"].Additions, files["kept.txt"].Deletions));
        var hunk = Assert.Single(files["kept.txt"].Hunks);
        Assert.Equal([("-", "line 10", 10, null), ("+", "line ten", null, 10), ("+", "and a half", null, 11)],
            hunk.Lines.Where(l => l.Kind != " ").Select(l => (l.Kind, l.Text, l.Old, l.New)));
        Assert.Equal(("renamed", "old name.txt"), (files["new\tname.txt"].Status, files["new\tname.txt"].OldPath));
        Assert.Equal("deleted", files["gone.txt"].Status);
        Assert.True(files["data"].IsBinary);
        Assert.Equal("type_changed", files["turns"].Status);
        Assert.Equal([("+", "no newline"), ("\\", "No newline at end of file")], files["zz no end"].Hunks[0].Lines.Select(l => (l.Kind, l.Text)));
        Assert.All((await browser.CommitAsync("shop", "main~1", default)).Diff.Files, f => Assert.Equal("added", f.Status));
    }

    [Fact]
    public async Task A_huge_difference_is_cut_and_says_so()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.CommitAsync("a", "Empty");
        await world.WriteAsync("a", "00.txt", Lines(1, 5_000));
        await world.WriteAsync("a", "01 one line.txt", Encoding.ASCII.GetBytes(new string('y', 3_000_000)));
        for (var i = 2; i < 20; i++) await world.WriteAsync("a", $"{i:00}.txt", Lines(1, 1_000));
        await world.CommitAsync("a", "Huge");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        var diff = (await world.Server.Service<IRepositoryBrowser>().CommitAsync("shop", "main", default)).Diff;

        Assert.Equal((20, true, 5_000L + 1 + 18_000), (diff.Count, diff.Truncated, diff.Additions));
        Assert.True(diff.Files[0].Truncated);
        Assert.InRange(diff.Files[1].Hunks[0].Lines[0].Text.Length, 1, 2_001);
        Assert.InRange(diff.Files.Sum(f => f.Hunks.Sum(h => h.Lines.Count)), 5_000, 10_000);
        Assert.Empty(diff.Files[^1].Hunks);
    }

    [Fact]
    public async Task Two_branches_are_compared_from_where_they_parted_and_lines_have_their_commits()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "f", Lines(1, 4));
        var first = await world.CommitAsync("a", "First");
        (await world.GitAsync("a", "switch", "-q", "-c", "side")).Succeeded();
        await world.WriteAsync("a", "f", Encoding.ASCII.GetBytes("line 1\nchanged\nline 3\nline 4\n"));
        var side = await world.CommitAsync("a", "Side");
        (await world.GitAsync("a", "switch", "-q", "main")).Succeeded();
        await world.WriteAsync("a", "g", "g"u8.ToArray());
        await world.CommitAsync("a", "Main");
        (await world.GitAsync("a", "push", "-q", "origin", "main", "side")).Succeeded();
        var browser = world.Server.Service<IRepositoryBrowser>();

        var comparison = await browser.CompareAsync("shop", "main", "side", default);
        var blame = await browser.BlameAsync("shop", "side", "f", default);
        var refs = await browser.RefsAsync("shop", default);

        Assert.Equal((first, 1L, 1L), (comparison.MergeBase, comparison.Ahead, comparison.Behind));
        Assert.Equal("Side", Assert.Single(comparison.Commits).Subject);
        Assert.Equal("f", Assert.Single(comparison.Diff.Files).Path);
        Assert.Equal([(first, 1, 1), (side, 2, 1), (first, 3, 2)], blame.Sections.Select(s => (s.Commit, s.Line, s.Lines.Count)));
        Assert.Equal(("Ann", "First"), (blame.Sections[0].Author, blame.Sections[0].Subject));
        Assert.Equal([("main", true, true), ("side", false, false)], refs.OrderBy(r => r.Name).Select(r => (r.Name, r.IsDefault, r.Protection is not null)));
    }

    [Fact]
    public async Task A_stranger_s_page_in_a_repository_gets_no_rights_of_the_server()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "evil.html", "<script>alert(1)</script>"u8.ToArray());
        await world.WriteAsync("a", "evil.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"u8.ToArray());
        await world.CommitAsync("a", "Evil");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        foreach (var (file, type) in ((string, string)[])[("evil.html", "application/octet-stream"), ("evil.svg", "image/svg+xml")])
        {
            using var response = await world.Server.Http.GetAsync($"/api/v1/projects/shop/raw?path={file}&revision=main");
            Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
            Assert.Contains("sandbox", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        }
    }

    private static byte[] Lines(int from, int to) => Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(from, to - from + 1).Select(i => $"line {i}\n")));
}
