using System.Globalization;

namespace Pilothouse.CiRunner;

/// <summary>A process as Linux' /proc tells of it.</summary>
/// <param name="CpuSeconds">Of itself and of those that it has waited for.</param>
internal sealed record ProcessFigures(int Id, int Parent, bool Zombie, double CpuSeconds)
{
    /// <summary>Clock ticks a second in /proc/PID/stat: 100 on every Linux platform .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    // 4711 (a name) S 4700 ...: the name may hold anything, so fields count from the last ')': 0 state, 1 parent, 11 to 14 utime, stime, cutime, cstime. See proc(5).
    public static ProcessFigures? Read(int id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcessFigures(id, int.Parse(fields[1], CultureInfo.InvariantCulture), fields[0] == "Z", Ticks(fields[11..15]) / TicksPerSecond);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or ArgumentException or IndexOutOfRangeException)
        {
            return null; // ended in the meantime
        }
    }

    /// <summary>Processor time of the children that this process has waited for.</summary>
    public static double WaitedForSeconds()
    {
        var text = File.ReadAllText("/proc/self/stat");
        return Ticks(text[(text.LastIndexOf(')') + 2)..].Split(' ')[13..15]) / TicksPerSecond;
    }

    /// <summary>All that this process has started and what those have started, zombies too.</summary>
    public static List<ProcessFigures> Descendants()
    {
        var all = Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? Read(id) : null).OfType<ProcessFigures>().ToList();
        var children = all.ToLookup(p => p.Parent);
        var (found, open) = (new List<ProcessFigures>(), new Queue<int>([Environment.ProcessId]));
        while (open.TryDequeue(out var parent))
            foreach (var child in children[parent])
            {
                found.Add(child);
                open.Enqueue(child.Id);
            }
        return found;
    }

    /// <summary>Memory that the process has for itself: resident pages without those of files, which others map too. 0 when it has ended.</summary>
    public static long OwnBytes(int id)
    {
        try
        {
            // statm: size resident shared ..., in pages.
            var fields = File.ReadAllText($"/proc/{id}/statm").Split(' ');
            return (long.Parse(fields[1], CultureInfo.InvariantCulture) - long.Parse(fields[2], CultureInfo.InvariantCulture)) * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return 0;
        }
    }

    private static double Ticks(string[] fields) => fields.Sum(f => double.Parse(f, CultureInfo.InvariantCulture));
}
