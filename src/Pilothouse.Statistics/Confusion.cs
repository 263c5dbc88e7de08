namespace Pilothouse.Statistics;

/// <summary>Counts of true against predicted labels that are cheap to build anew for each resample; the figures equal <see cref="Classification.Report"/>.</summary>
public sealed class Confusion
{
    private readonly double[] _cells;
    private readonly int _labels;

    /// <summary>An empty table.</summary>
    public Confusion(int labels) => (_labels, _cells) = (labels, new double[labels * labels]);

    /// <summary>Adds one item.</summary>
    public void Add(int truth, int predicted) => _cells[truth * _labels + predicted]++;

    /// <summary>F1 of one label: 2 TP / (2 TP + FP + FN), 0 where undefined (van Rijsbergen 1979; scikit-learn's convention).</summary>
    public double F1(int label)
    {
        double support = 0, guessed = 0;
        for (var k = 0; k < _labels; k++)
        {
            support += _cells[label * _labels + k];
            guessed += _cells[k * _labels + label];
        }
        return support + guessed == 0 ? 0 : 2 * _cells[label * _labels + label] / (support + guessed);
    }

    /// <summary>Mean F1 over the labels that occur in truth or predictions.</summary>
    public double MacroF1()
    {
        double sum = 0, count = 0;
        for (var label = 0; label < _labels; label++)
        {
            var occurs = false;
            for (var k = 0; k < _labels; k++) occurs |= _cells[label * _labels + k] + _cells[k * _labels + label] > 0;
            if (!occurs) continue;
            sum += F1(label);
            count++;
        }
        return count == 0 ? double.NaN : sum / count;
    }

    /// <summary>Matthews correlation of several classes (Gorodkin 2004); 0 where undefined.</summary>
    public double Mcc()
    {
        double n = 0, right = 0, cross = 0, truths = 0, guesses = 0;
        for (var i = 0; i < _labels; i++)
        {
            double support = 0, guessed = 0;
            for (var k = 0; k < _labels; k++)
            {
                support += _cells[i * _labels + k];
                guessed += _cells[k * _labels + i];
            }
            n += support;
            right += _cells[i * _labels + i];
            cross += support * guessed;
            truths += support * support;
            guesses += guessed * guessed;
        }
        var spread = (n * n - truths) * (n * n - guesses);
        return spread <= 0 ? 0 : (right * n - cross) / Math.Sqrt(spread);
    }
}
