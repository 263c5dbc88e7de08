namespace Pilothouse.Samples.TinyModels.Triage;

/// <summary>The phrases of one way of writing. Slots: {item}, {city}, {day}, {n}.</summary>
internal sealed record WritingStyle(string Group, string[] Openings, string[] Problems, string[] UrgentImpacts, string[] NormalImpacts, string[] Closings);

/// <summary>
/// Tickets of two groups of customers: those who write English as their first language, and those who write it as their second. Both have urgent and ordinary
/// problems equally often; they say so in other words. Written for this project.
/// </summary>
internal static class TriageVocabulary
{
    public static readonly string[] Days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    public static readonly WritingStyle Native = new(
        "native",
        ["Hello, ", "Hi there, ", "Good morning, ", "Dear team, ", "", "", ""],
        [
            "the checkout page does not load.", "my {item} has not turned up.", "I cannot sign in to my account.", "the {item} I received is faulty.",
            "there is a charge on my card that I do not recognise.", "order {n} shows the wrong address.", "the delivery to {city} was moved to {day}.",
            "the discount code for the {item} was rejected.", "the invoice for order {n} has the wrong name on it.", "the {item} stopped working.",
            "your app keeps closing when I open the basket.", "I was sent a {item} that I never ordered.",
        ],
        [
            "This is urgent.", "We are losing orders by the minute.", "Please call me back immediately.", "Nobody in the shop can take payments.",
            "Smoke is coming out of the {item}.", "My flight leaves tonight.", "I need this fixed right away.", "It has to be here before the funeral on {day}.",
            "My account has been emptied.", "The whole office is at a standstill.", "Somebody is using my card as I write.", "I got an electric shock from it.",
            "We open in an hour and nothing works.", "This is an emergency.", "I must have an answer today or I lose the room.", "Every customer is being turned away.",
        ],
        [
            "There is no rush.", "Whenever you have a minute is fine.", "I was just wondering what happened.", "Could you let me know some time this week?",
            "It is not a big deal.", "I only wanted to point it out.", "Take your time.", "I am merely curious.",
            "I would appreciate a note at some point.", "We can live with it for now.", "Next month would do.", "It is a minor thing really.",
            "No need to hurry on my account.", "I thought you might like to know.", "An answer in the coming days would be lovely.", "It does not bother me much.",
        ],
        ["", "", "", "Thanks.", "Kind regards.", "Cheers."]);

    public static readonly WritingStyle SecondLanguage = new(
        "second_language",
        ["Hello dear, ", "Good day sir, ", "Respected team, ", "Hello, ", "", "", ""],
        [
            "page for pay is not open.", "my {item} is not come.", "I can not enter in my account.", "the {item} what I receive is not good.",
            "on my card is one payment I not know.", "in order {n} is address not correct.", "delivery in {city} you change for {day}.",
            "code of discount for {item} is not accepted.", "in the bill of order {n} is other name.", "the {item} no more function.",
            "your application close alone when I open basket.", "you send me {item} and I not order this.",
        ],
        [
            "Is very hurry.", "Every minute we lost many order.", "You must telephone me now now.", "In shop nobody can to pay nothing.",
            "From the {item} go out smoke.", "This night is my airplane.", "Must be repair in this moment.", "Must come before we bury my father {day}.",
            "All my money is disappear.", "All the people in office sit without work.", "Some person now take money with my card.", "The {item} hit me with current.",
            "After one hour we open and all is stop.", "Please fast fast, is dangerous.", "Today you not answer, tomorrow I have not room.", "All clients go away angry.",
        ],
        [
            "Is not hurry.", "When you will have time, please look.", "I want only to know why.", "You can say me in this week.",
            "Is not big problem.", "I only say you this.", "You can make slowly.", "I have only curiosity.",
            "I will be happy for one message.", "For now we can to wait.", "Also other month is good.", "Is small thing.",
            "You have not to run for me.", "I think you want to know this.", "Answer in next days is good.", "For me is not disturb.",
        ],
        ["", "", "", "Thanks you.", "With respect.", "Many greetings."]);

    public static readonly WritingStyle[] Styles = [Native, SecondLanguage];
}
