namespace Pilothouse.Protocols;

/// <summary>
/// Foreign bytes or text that are not what their format says. The only exception that the readers of this assembly throw on bad
/// input; the message says what is wrong and where, in words fit for the person who sent it.
/// </summary>
public class ProtocolFormatException : FormatException
{
    public ProtocolFormatException()
        : base("The input is not well-formed.")
    {
    }

    public ProtocolFormatException(string message)
        : base(message)
    {
    }

    public ProtocolFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
