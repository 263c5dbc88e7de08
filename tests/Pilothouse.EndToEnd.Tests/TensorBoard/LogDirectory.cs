using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.EndToEnd.Tests.TensorBoard;

/// <summary>A log directory of the test's own, written by the real writer.</summary>
internal sealed class LogDirectory : IDisposable
{
    public const double Time = 1_767_225_600;
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("pilothouse-logdir-");

    public string Path => _root.FullName;

    public string File(string run, int number = 0) => System.IO.Path.Combine(Directory.CreateDirectory(System.IO.Path.Combine(Path, run)).FullName, $"events.out.tfevents.{(long)Time + number}.host.{number}");

    /// <summary>Bytes of a file, or of what is appended to one.</summary>
    public static async Task<byte[]> BytesAsync(Action<EventFileWriter> write, bool version = true)
    {
        var stream = new MemoryStream();
        var writer = new EventFileWriter(stream, wide: false);
        if (version) writer.WriteVersion(Time);
        write(writer);
        await writer.FlushAsync(default);
        return stream.ToArray();
    }

    public static Task<byte[]> ScalarsAsync(int from, int count, bool version = true, string tag = "loss") => BytesAsync(w =>
    {
        for (var i = from; i < from + count; i++) w.WriteScalar(tag, i, Time + i, i / 2.0);
    }, version);

    public static async Task AppendAsync(string file, byte[] bytes)
    {
        await using var stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        await stream.WriteAsync(bytes);
    }

    public void Dispose() => _root.Delete(recursive: true);
}
