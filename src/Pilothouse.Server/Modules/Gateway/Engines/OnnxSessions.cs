using Microsoft.ML.OnnxRuntime;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Opens ONNX Runtime sessions the way a server with many small models wants them.</summary>
internal static class OnnxSessions
{
    /// <summary>One thread a call, and no spinning: parallelism comes from the requests, and an idle server must be idle.</summary>
    public static InferenceSession Open(ModelFiles files)
    {
        var path = files.OnnxPath();
        using var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, // faults come as exceptions with a name, not as lines on stderr
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0");
        try
        {
            return new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw files.Fault("model.onnx", $"ONNX Runtime refuses it ({Short(e.Message)})", e);
        }
    }

    /// <summary>The names a graph must have; otherwise Unsupported, with those it has.</summary>
    public static void Require(ModelFiles files, InferenceSession session, IEnumerable<string> inputs, IEnumerable<string> outputs)
    {
        var missing = inputs.Where(name => !session.InputMetadata.ContainsKey(name)).Select(name => $"input '{name}'")
            .Concat(outputs.Where(name => !session.OutputMetadata.ContainsKey(name)).Select(name => $"output '{name}'")).ToList();
        var extra = session.InputMetadata.Keys.Except(inputs).Select(name => $"unknown input '{name}'").ToList();
        if (missing.Count + extra.Count > 0)
            throw files.Fault("model.onnx", $"its graph does not have the layout this engine runs: {string.Join(", ", missing.Select(m => "no " + m).Concat(extra).Take(6))}");
    }

    public static PilothouseException RunFault(string reference, OnnxRuntimeException error) =>
        new(ErrorCode.UpstreamFailed, $"{reference} failed while running: {Short(error.Message)}", error);

    private static string Short(string message) => message.ReplaceLineEndings(" ") is var line && line.Length > 300 ? line[..300] + "..." : line;
}
