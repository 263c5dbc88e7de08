namespace Pilothouse.Server.Platform.Inference;

/// <summary>Environment variables of the server that files of a project may name, and where their values may go. Declared here and implemented by the Gateway, whose setting says so.</summary>
public interface IServerVariables
{
    /// <param name="url">Where the value is to be sent; null = it is part of that address, and asked for again when the address is known.</param>
    /// <exception cref="PilothouseException">FailedPrecondition (permanent): the variable may not be sent there (<c>Gateway:KeyVariables</c>), or is not set.</exception>
    string Get(string variable, Uri? url);
}
