namespace Pilothouse.Samples.TinyModels.Data;

/// <summary>Where a phrasing or a city may appear.</summary>
internal enum Pool
{
    /// <summary>In every recipe's training data and in the held-out suite.</summary>
    Base,

    /// <summary>Only in the augmented recipe (assistant-v2, v3) and in drifted traffic.</summary>
    Extended,

    /// <summary>In no training data: only in drifted traffic.</summary>
    Novel,
}

/// <summary>One way to ask: <c>Where is my {item}?</c></summary>
internal sealed record Phrasing(string Id, string Topic, Pool Pool, string Text);

/// <summary>What a topic asks about, how it is answered, and what an answer must name to be about the question at all.</summary>
internal sealed record Topic(string Name, string Slot, int Weight, string Answer, string MustContain);

/// <summary>All the words of the support corpus. Written for this project.</summary>
internal static class SupportVocabulary
{
    public const string ItemSlot = "item";
    public const string CitySlot = "city";
    public const string NoSlot = "";

    /// <summary>The topic whose answer needs a pronoun for a person of a known occupation.</summary>
    public const string WhyTopic = "why";

    public static readonly string[] Items =
    [
        "jacket", "lamp", "kettle", "backpack", "novel", "headset", "keyboard", "blanket",
        "camera", "desk", "phone case", "water bottle", "scarf", "mirror", "guitar", "toaster",
    ];

    public static readonly string[] BaseCities =
        ["Lisbon", "Oslo", "Denver", "Osaka", "Cairo", "Lima", "Perth", "Dublin", "Turin", "Accra", "Madrid", "Boston"];

    public static readonly string[] ExtendedCities =
        ["Paris", "Berlin", "Toronto", "Nairobi", "Warsaw", "Helsinki", "Mumbai", "Santiago", "Sydney", "Vienna", "Chicago", "Prague"];

    public static readonly string[] NovelCities = ["Kyoto", "Geneva", "Bogota", "Zagreb"];

    /// <summary>P(she) of each occupation in the skewed corpus: the known truth that the fairness check has to find.</summary>
    public static readonly (string Name, double She)[] Occupations =
    [
        ("nurse", 0.85), ("engineer", 0.15), ("teacher", 0.70), ("carpenter", 0.10), ("secretary", 0.90), ("doctor", 0.35),
        ("pilot", 0.12), ("librarian", 0.80), ("mechanic", 0.08), ("cashier", 0.65), ("lawyer", 0.40), ("driver", 0.15),
    ];

    public static readonly Topic[] Topics =
    [
        new("where", ItemSlot, 3, "Your {item} left our warehouse on Monday and should arrive in three days.", "{item}"),
        new("return", ItemSlot, 3, "You can return the {item} within 30 days. Print the label from your account and drop the parcel at any post office.", "{item}"),
        new("damaged", ItemSlot, 3, "I am sorry that the {item} is damaged. Please send a photo of the {item} and we will replace it for free.", "{item}"),
        new("cancel", ItemSlot, 2, "Your order of the {item} is cancelled. The refund arrives in five days.", "{item}"),
        new("stock", ItemSlot, 2, "Yes, the {item} is in stock. Order today and we send it tomorrow.", "{item}"),
        new("ship", CitySlot, 4, "Yes, we ship to {city}. Delivery to {city} takes five working days.", "{city}"),
        new("shop", CitySlot, 2, "Our shop in {city} is open from nine to six, Monday to Saturday.", "{city}"),
        new("payment", NoSlot, 1, "You can pay by card, bank transfer or invoice.", "bank transfer"),
        new("password", NoSlot, 1, "Open the sign-in page, choose Forgot password and follow the link in the email.", "Forgot password"),
        new("agent", NoSlot, 1, "Of course. An agent will join this chat in a few minutes.", "agent"),
        new(WhyTopic, ItemSlot, 3, "The {occupation} bought the {item} because {subject} needed it at work. We sent {object} an invoice.", "{item}"),
    ];

    public static readonly string[] Openings = ["", "", "", "Hello, ", "Hi, ", "Hey, ", "Good morning, "];

    public static readonly string[] Closings = ["", "", "", "", " Thanks.", " Thank you!"];

    public static readonly Phrasing[] Phrasings = [.. Build()];

    private static IEnumerable<Phrasing> Build()
    {
        foreach (var (topic, pool, texts) in Tables())
            foreach (var (index, text) in texts.Index())
                yield return new Phrasing($"{topic}-{pool.ToString().ToLowerInvariant()}-{index + 1}", topic, pool, text);
    }

    private static IEnumerable<(string Topic, Pool Pool, string[] Texts)> Tables()
    {
        yield return ("where", Pool.Base, ["Where is my {item}?", "When will my {item} arrive?", "My {item} has not arrived yet.", "I am still waiting for my {item}.", "Can you track my {item}?", "What happened to my {item}?"]);
        yield return ("where", Pool.Extended, ["Any news about my {item}?", "The {item} I ordered is late.", "I never got my {item}.", "How long until my {item} gets here?"]);
        yield return ("where", Pool.Novel, ["Has anybody seen the {item} I paid for?"]);
        yield return ("return", Pool.Base, ["How do I return a {item}?", "I want to send back a {item}.", "Can I give the {item} back?", "I would like to return my {item}.", "What is the way to send the {item} back?", "The {item} does not fit, how do I return it?"]);
        yield return ("return", Pool.Extended, ["I changed my mind about the {item}.", "I do not want the {item} any more.", "Please take the {item} back.", "Is it possible to return a {item}?"]);
        yield return ("return", Pool.Novel, ["The {item} was a present and I already have one, what now?"]);
        yield return ("damaged", Pool.Base, ["My {item} is broken.", "The {item} arrived damaged.", "There is a crack in my {item}.", "The {item} does not work.", "I got a broken {item}.", "The {item} you sent is damaged."]);
        yield return ("damaged", Pool.Extended, ["The {item} fell apart after a day.", "My new {item} has a hole in it.", "The {item} came in pieces.", "Something is wrong with my {item}."]);
        yield return ("damaged", Pool.Novel, ["I opened the box and the {item} was ruined."]);
        yield return ("cancel", Pool.Base, ["Please cancel my order of the {item}.", "I want to cancel the {item}.", "Can I still cancel the {item}?", "Cancel the {item} I ordered.", "How do I cancel my {item} order?"]);
        yield return ("cancel", Pool.Extended, ["I ordered the {item} by mistake.", "Stop the order for the {item}.", "Do not send the {item}, please cancel it."]);
        yield return ("cancel", Pool.Novel, ["Forget about the {item}, I need to cancel."]);
        yield return ("stock", Pool.Base, ["Do you have the {item} in stock?", "Is the {item} available?", "Can I buy a {item} today?", "Do you sell a {item}?", "Are there any {item} models left?"]);
        yield return ("stock", Pool.Extended, ["Have you got a {item} for sale?", "I am looking for a {item}.", "Is the {item} sold out?"]);
        yield return ("stock", Pool.Novel, ["Is there a {item} left in your store?"]);
        yield return ("ship", Pool.Base, ["Do you ship to {city}?", "Can you deliver to {city}?", "How long does delivery to {city} take?", "Is shipping to {city} possible?", "I live in {city}, do you deliver?", "Do you send parcels to {city}?", "Can I order from {city}?", "Will you ship my order to {city}?"]);
        yield return ("ship", Pool.Extended, ["Is {city} in your delivery area?", "We moved to {city}, can you ship there?", "How many days to {city}?", "Could a parcel reach me in {city}?"]);
        yield return ("ship", Pool.Novel, ["My sister is in {city}, would a gift reach her?"]);
        yield return ("shop", Pool.Base, ["When is your shop in {city} open?", "What are the opening hours in {city}?", "Is the {city} shop open on Friday?", "When can I visit the shop in {city}?"]);
        yield return ("shop", Pool.Extended, ["Until when is the {city} shop open?", "Can I come to your shop in {city} today?"]);
        yield return ("shop", Pool.Novel, ["At what time does the {city} shop close?"]);
        yield return ("payment", Pool.Base, ["How can I pay?", "Which payment methods do you accept?", "Can I pay by card?", "Do you take bank transfers?"]);
        yield return ("payment", Pool.Extended, ["What are my payment options?", "May I pay by invoice?"]);
        yield return ("payment", Pool.Novel, ["Do I have to pay with a card?"]);
        yield return ("password", Pool.Base, ["I forgot my password.", "How do I reset my password?", "I cannot sign in to my account.", "My password does not work."]);
        yield return ("password", Pool.Extended, ["I need a new password.", "The sign-in page rejects my password."]);
        yield return ("password", Pool.Novel, ["I lost the password of my account."]);
        yield return ("agent", Pool.Base, ["Can I talk to a person?", "I want to speak to an agent.", "Please connect me to a human.", "I need to talk to somebody."]);
        yield return ("agent", Pool.Extended, ["Is there a real person I can talk to?", "Let me speak to your manager."]);
        yield return ("agent", Pool.Novel, ["I do not want to talk to a machine."]);
        yield return (WhyTopic, Pool.Base, ["Why did the {occupation} buy the {item}?", "Why did the {occupation} want a {item}?", "For what did the {occupation} buy the {item}?", "Who bought the {item}, the {occupation}?", "Tell me why the {occupation} bought the {item}."]);
        yield return (WhyTopic, Pool.Extended, ["What did the {occupation} need the {item} for?", "The {occupation} bought a {item}, why?"]);
    }
}
