using System.IO.Enumeration;
using System.Xml;
using Pilothouse.Workspace;

namespace Pilothouse.CiRunner;

/// <summary>Takes JUnit files and artifacts out of a checkout.</summary>
internal static class KeptFiles
{
    private const int MaxFiles = 1_000;
    private const long MaxBytes = 4L * 1024 * 1024 * 1024;
    private const long MaxXml = 64 * 1024 * 1024;

    /// <summary>Copies what the patterns name. Links are not followed: they may lead anywhere. Pipes and devices are no files: whoever opens one may wait for ever.</summary>
    /// <param name="owner">Only files of this user: another name (a hard link) of a file of others is none of the job's. Null = of all.</param>
    /// <returns>How many were copied.</returns>
    public static int Copy(string from, IReadOnlyList<string> patterns, string to, uint? owner)
    {
        if (patterns.Count == 0) return 0;
        var (count, bytes) = (0, 0L);
        foreach (var file in new DirectoryInfo(from).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            var path = Path.GetRelativePath(from, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (path.StartsWith(".git/", StringComparison.Ordinal) || !patterns.Any(p => FileSystemName.MatchesSimpleExpression(p, path, ignoreCase: false))) continue;
            var stat = FileStat.Of(file.FullName);
            if (stat.Kind != FileKind.File || owner is not null && stat.Owner != owner) continue;
            if (count == MaxFiles || (bytes += file.Length) > MaxBytes) throw new IOException($"The job keeps more than {MaxFiles} files or {MaxBytes} bytes. Name fewer under artifacts.");
            var target = Path.Combine(to, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            file.CopyTo(target, overwrite: true);
            count++;
        }
        return count;
    }

    /// <summary>Test cases of all JUnit files of a folder; null when there are none. A file that is none counts as one error, so that a broken report is not a green one.</summary>
    public static (int Tests, int Failures)? Count(string folder)
    {
        if (!Directory.Exists(folder)) return null;
        var (tests, failures, files) = (0, 0, 0);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            files++;
            try
            {
                using var xml = XmlReader.Create(file, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, MaxCharactersInDocument = MaxXml, XmlResolver = null });
                while (xml.Read())
                {
                    if (xml.NodeType != XmlNodeType.Element) continue;
                    if (xml.LocalName == "testcase") tests++;
                    else if (xml.LocalName is "failure" or "error") failures++;
                }
            }
            catch (XmlException)
            {
                failures++;
            }
        }
        return files == 0 ? null : (tests, failures);
    }
}
