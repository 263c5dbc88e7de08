namespace Pilothouse.Demo;

/// <summary>Where the demo finds the samples and puts what it makes.</summary>
internal sealed class DemoPaths
{
    private DemoPaths(string root, string work)
    {
        Root = root;
        Work = work;
    }

    /// <summary>The checkout.</summary>
    public string Root { get; }

    /// <summary>A new folder for this run's working copy and outputs.</summary>
    public string Work { get; }

    public string Sample => Path.Combine(Root, "samples", "support-assistant");

    public string WorkingCopy => Path.Combine(Work, "repository");

    /// <summary>The sample trainer, built.</summary>
    public string Trainer => Path.Combine(Root, "artifacts", "samples", "tiny-models.dll");

    public string TrainerProject => Path.Combine(Root, "samples", "tiny-models");

    /// <returns>Null when there is no checkout around: the demo needs its samples.</returns>
    public static DemoPaths? Find(string work)
    {
        var start = Environment.GetEnvironmentVariable("PILOTHOUSE_HOME") ?? AppContext.BaseDirectory;
        for (var directory = new DirectoryInfo(start); directory is not null; directory = directory.Parent)
        {
            if (!Directory.Exists(Path.Combine(directory.FullName, "samples", "support-assistant"))) continue;
            var paths = new DemoPaths(directory.FullName, work);
            Directory.CreateDirectory(paths.WorkingCopy);
            return paths;
        }
        return null;
    }

    /// <summary>Copies a committed model, so that derived files do not land in the checkout.</summary>
    public string CopyModel(string model)
    {
        var target = Path.Combine(Work, "models", model);
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Sample, "models", model))) File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
        return target;
    }
}
