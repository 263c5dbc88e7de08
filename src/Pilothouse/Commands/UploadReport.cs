using System.Globalization;
using Pilothouse.Client.Uploads;

namespace Pilothouse.Commands;

/// <summary>Progress of uploads on a terminal, and what was sent and saved, both on stderr: stdout is for results.</summary>
internal sealed class UploadReport : IProgress<UploadProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, UploadProgress> _files = new(StringComparer.Ordinal);
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private long _shown;
    private int _width;

    /// <summary>Runs an upload with its progress, then says in one line what was sent.</summary>
    public static async Task<T> RunAsync<T>(Func<UploadOptions, Task<T>> upload, Func<T, IReadOnlyList<UploadedFile>> files)
    {
        var report = new UploadReport();
        try
        {
            var result = await upload(new UploadOptions { Progress = report });
            report.Clear();
            Console.Error.WriteLine(Summary(files(result)));
            return result;
        }
        catch
        {
            report.Clear();
            throw;
        }
    }

    public void Report(UploadProgress value)
    {
        lock (_lock)
        {
            _files[value.Path] = value;
            if (Console.IsErrorRedirected || TimeProvider.System.GetElapsedTime(_shown) < Interval) return;
            _shown = TimeProvider.System.GetTimestamp();
            var (done, size, sent) = (_files.Values.Sum(f => f.Done), _files.Values.Sum(f => f.Size), _files.Values.Sum(f => f.Sent));
            Show($"{Bytes(done)} of {Bytes(size)}  {Bytes((long)(sent / Math.Max(0.1, TimeProvider.System.GetElapsedTime(_started).TotalSeconds)))}/s  {Path.GetFileName(value.Path)}");
        }
    }

    /// <summary><c>3 files, 1.1 GB: 131.2 MB sent, 0.9 GB were there (88.1 %). Tensors: 2 of 16 sent.</c></summary>
    internal static string Summary(IReadOnlyList<UploadedFile> files)
    {
        var (size, sent) = (files.Sum(f => f.Size), files.Sum(f => f.Sent));
        var text = $"{files.Count} {(files.Count == 1 ? "file" : "files")}, {Bytes(size)}: {Bytes(sent)} sent";
        if (size > sent) text += string.Create(CultureInfo.InvariantCulture, $", {Bytes(size - sent)} were there ({100.0 * (size - sent) / size:0.0} %)");
        var (tensors, changed) = (files.Sum(f => f.Tensors), files.Sum(f => f.TensorsSent));
        return tensors > 0 ? $"{text}. Tensors: {changed} of {tensors} sent." : text + ".";
    }

    internal static string Bytes(long bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        var (value, unit) = ((double)bytes, 0);
        while (value >= 1000 && unit < units.Length - 1) (value, unit) = (value / 1000, unit + 1);
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    private void Show(string line)
    {
        Console.Error.Write("\r" + line.PadRight(_width));
        _width = line.Length;
    }

    private void Clear()
    {
        lock (_lock)
        {
            if (_width > 0) Console.Error.Write("\r" + new string(' ', _width) + "\r");
            _width = 0;
        }
    }
}
