using System.Text.Json;
using CsCheck;
using Pilothouse.Protocols.JsonSchemas;

namespace Pilothouse.Protocols.Tests.JsonSchemas;

public sealed class JsonSchemaTests
{
    [Theory]
    [InlineData("""{"type":"integer"}""", "3", true)]
    [InlineData("""{"type":"integer"}""", "3.0", true)]
    [InlineData("""{"type":"integer"}""", "3.5", false)]
    [InlineData("""{"type":["string","null"]}""", "null", true)]
    [InlineData("""{"type":"string"}""", "null", false)]
    [InlineData("""{"enum":["a",1]}""", "1", true)]
    [InlineData("""{"enum":["a",1]}""", "2", false)]
    [InlineData("""{"const":{"a":1}}""", "{\"a\":1.0}", true)]
    [InlineData("""{"properties":{"a":{"type":"string"}},"additionalProperties":false}""", """{"a":"x"}""", true)]
    [InlineData("""{"properties":{"a":{"type":"string"}},"additionalProperties":false}""", """{"a":"x","b":1}""", false)]
    [InlineData("""{"patternProperties":{"^x-":{"type":"number"}},"additionalProperties":false}""", """{"x-a":1}""", true)]
    [InlineData("""{"patternProperties":{"^x-":{"type":"number"}}}""", """{"x-a":"1"}""", false)]
    [InlineData("""{"required":["a","b"]}""", """{"a":1}""", false)]
    [InlineData("""{"propertyNames":{"maxLength":2}}""", """{"abc":1}""", false)]
    [InlineData("""{"dependentRequired":{"a":["b"]}}""", """{"a":1}""", false)]
    [InlineData("""{"items":{"type":"number"}}""", "[1,2]", true)]
    [InlineData("""{"items":{"type":"number"}}""", """[1,"2"]""", false)]
    [InlineData("""{"prefixItems":[{"type":"number"}],"items":false}""", "[1]", true)]
    [InlineData("""{"prefixItems":[{"type":"number"}],"items":false}""", "[1,2]", false)]
    [InlineData("""{"items":[{"type":"number"}],"additionalItems":{"type":"string"}}""", """[1,"a"]""", true)]
    [InlineData("""{"contains":{"const":1},"minContains":2}""", "[1,2,1]", true)]
    [InlineData("""{"contains":{"const":1},"maxContains":1}""", "[1,2,1]", false)]
    [InlineData("""{"uniqueItems":true}""", "[1,1.0]", false)]
    [InlineData("""{"minItems":1,"maxItems":2}""", "[]", false)]
    [InlineData("""{"minLength":2}""", "\"\ud83d\ude00\"", false)]
    [InlineData("""{"pattern":"^[a-z]+$"}""", "\"abc\"", true)]
    [InlineData("""{"pattern":"^[a-z]+$"}""", "\"ab1\"", false)]
    [InlineData("""{"minimum":1,"exclusiveMaximum":2}""", "2", false)]
    [InlineData("""{"minimum":1,"exclusiveMinimum":true}""", "1", false)]
    [InlineData("""{"multipleOf":0.1}""", "0.3", true)]
    [InlineData("""{"multipleOf":2}""", "3", false)]
    [InlineData("""{"allOf":[{"minimum":1},{"maximum":2}]}""", "3", false)]
    [InlineData("""{"anyOf":[{"type":"string"},{"minimum":5}]}""", "3", false)]
    [InlineData("""{"oneOf":[{"minimum":1},{"minimum":2}]}""", "3", false)]
    [InlineData("""{"oneOf":[{"minimum":1},{"minimum":4}]}""", "3", true)]
    [InlineData("""{"not":{"type":"string"}}""", "\"x\"", false)]
    [InlineData("""{"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]},"else":{"required":["c"]}}""", """{"a":1}""", false)]
    [InlineData("""{"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]},"else":{"required":["c"]}}""", """{"a":2,"c":1}""", true)]
    [InlineData("""{"$ref":"#/$defs/n","$defs":{"n":{"type":"number"}}}""", "\"x\"", false)]
    [InlineData("""{"$defs":{"tree":{"properties":{"left":{"$ref":"#/$defs/tree"},"v":{"type":"number"}}}},"$ref":"#/$defs/tree"}""", """{"left":{"left":{"v":"x"}}}""", false)]
    [InlineData("true", "1", true)]
    [InlineData("false", "1", false)]
    [InlineData("""{"format":"email","title":"t"}""", "\"x\"", true)]
    public void Values_are_checked(string schema, string value, bool isValid) => Assert.Equal(isValid, JsonSchema.Parse(schema).Validate(JsonElement.Parse(value)).Count == 0);

    [Fact]
    public void A_fault_names_the_place() =>
        Assert.Equal(["/a/1 is string, not number", "the value has no 'b'"], JsonSchema.Parse("""{"properties":{"a":{"items":{"type":"number"}}},"required":["b"]}""").Validate(JsonElement.Parse("""{"a":[1,"x"]}""")).Select(f => f.ToString()));

    [Theory]
    [InlineData("{", "is not JSON")]
    [InlineData("[]", "where a schema is wanted")]
    [InlineData("""{"properties":[]}""", "where an object is wanted")]
    [InlineData("""{"unevaluatedProperties":false}""", "'unevaluatedProperties' at #, which is not supported")]
    [InlineData("""{"$ref":"other.json"}""", "only references within the document")]
    [InlineData("""{"$ref":"#/$defs/gone"}""", "which is not there")]
    [InlineData("""{"pattern":"(?=a)"}""", "cannot be run safely")]
    [InlineData("""{"pattern":3}""", "where a text is wanted")]
    public void What_cannot_be_checked_is_refused(string schema, string message) =>
        Assert.Contains(message, Assert.Throws<ProtocolFormatException>(() => JsonSchema.Parse(schema)).Message, StringComparison.Ordinal);

    [Fact]
    public void References_in_a_circle_end_with_a_named_error() =>
        Assert.Contains("leads deeper", Assert.Throws<ProtocolFormatException>(() => JsonSchema.Parse("""{"$ref":"#"}""").Validate(JsonElement.Parse("1"))).Message, StringComparison.Ordinal);

    /// <summary>Keywords with values of any shape: refused by name or checked, never anything else.</summary>
    [Fact]
    public void Hostile_schemas_are_refused_by_name()
    {
        string[] keywords = ["type", "enum", "required", "items", "minItems", "minLength", "minimum", "multipleOf", "contains", "minContains", "dependentRequired", "oneOf", "maxProperties", "uniqueItems", "exclusiveMinimum"];
        string[] shapes = ["1", "\"x\"", "[]", "[1]", "{}", "{\"a\":1}", "null", "true", "[[]]", "{\"a\":[1]}"], values = ["1", "\"x\"", "[1,2]", "{\"a\":1}", "null"];
        Gen.Int[0, keywords.Length - 1].Select(Gen.Int[0, shapes.Length - 1], Gen.Int[0, values.Length - 1]).Sample((k, s, v) =>
        {
            try
            {
                JsonSchema.Parse($"{{\"{keywords[k]}\":{shapes[s]}}}").Validate(JsonElement.Parse(values[v]));
            }
            catch (ProtocolFormatException)
            {
                // Named: what the test is about is that nothing else comes.
            }
        });
    }
}
