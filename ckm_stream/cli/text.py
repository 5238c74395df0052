"""``ckm text read|discover|retrain``: what customers' own words say, on texts from a file."""

from pathlib import Path
from typing import Annotated

import typer

text_app = typer.Typer(
    help="Read sentiment and topics in texts, find new topics, learn from own ratings.",
    no_args_is_help=True,
)

Texts = Annotated[
    Path, typer.Argument(help="One text per line; - is standard input.", metavar="FILE")
]
Ratings = Annotated[
    Path, typer.Argument(help="CSV with the columns text and rating.", metavar="FILE")
]
LexiconFile = Annotated[
    Path | None,
    typer.Option("--lexicon", help="Own word valences, as `ckm text retrain` writes them."),
]
TopicsFile = Annotated[
    Path | None,
    typer.Option("--topics", help="Own topic dictionary (YAML).  [default: the built-in one]"),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write the lexicon.")]
Top = Annotated[int, typer.Option("--top", min=1, max=10_000, help="How many candidates.")]
Low = Annotated[float, typer.Option("--low", help="The worst rating that can be given.")]
High = Annotated[float, typer.Option("--high", help="The best rating that can be given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]

_STANDARD_INPUT = Path("-")


@text_app.command("read")
def read_texts(
    file: Texts = _STANDARD_INPUT,
    lexicon: LexiconFile = None,
    topics: TopicsFile = None,
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Print the sentiment and the topics of each text.

    A line is: sentiment from -1 to 1, the number of words it rests on, topics, text. With --json:
    a JSON object per text with sentiment, evidence, topics and text. Without evidence the
    sentiment is unknown: `?`, and null in JSON.
    """
    from ckm_stream.cli.printing import print_json_line
    from ckm_stream.cli.text_files import lines_of
    from ckm_stream.text.reading import TextReader

    reader = TextReader.load(lexicon, topics)
    for text in lines_of(file):
        found = reader.read(text)
        if as_json:
            print_json_line(
                {
                    "sentiment": found.sentiment if found.evidence else None,
                    "evidence": found.evidence,
                    "topics": found.topics,
                    "text": text,
                }
            )
        else:
            sentiment = f"{found.sentiment:+.2f}" if found.evidence else "?"
            typer.echo(f"{sentiment}\t{found.evidence}\t{','.join(found.topics) or '-'}\t{text}")


@text_app.command("discover")
def discover_topics(
    file: Texts = _STANDARD_INPUT,
    topics: TopicsFile = None,
    top: Top = 50,
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Print phrases that many texts share and the dictionary has no topic for.

    A line is: the number of texts, the phrase. With --json: a list of objects with phrase,
    language and texts. Needs the extra `text`: pip install 'ckm-stream[text]'.
    """
    from dataclasses import asdict

    from ckm_stream.cli.printing import print_json
    from ckm_stream.cli.text_files import lines_of
    from ckm_stream.text.discovery import discover
    from ckm_stream.text.topics import load_topics

    found = discover(lines_of(file), known=load_topics(topics), top=top)
    if as_json:
        print_json([asdict(candidate) for candidate in found])
        return
    for candidate in found:
        typer.echo(f"{candidate.texts}\t{candidate.phrase}")


@text_app.command("retrain")
def retrain_lexicon(
    file: Ratings,
    out: Out,
    low: Low = -1.0,
    high: High = 1.0,
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Learn word valences from texts that customers have rated, and write them as a lexicon.

    Says how well texts that were not learnt from are told apart, before and after (AUC: 0.5 is
    chance, 1 is perfect). With --json: one object with texts, words, auc_before and auc_after,
    which are null where half of the texts is too few to learn from.
    Exit code 7 if there are too few ratings, or a line is not valid: nothing is written then.
    """
    from ckm_stream.cli.printing import print_json
    from ckm_stream.cli.text_files import retrained

    learnt = retrained(file, out, low=low, high=high)
    if as_json:
        print_json(learnt)
        return
    typer.echo(f"{out}: {learnt.words} words from {learnt.texts} texts")
    if learnt.auc_before is None or learnt.auc_after is None:
        typer.echo("too few texts to say how good it is: twice as many are needed for that")
        return
    typer.echo(
        f"told apart of texts not learnt from: AUC {learnt.auc_before:.3f} before, "
        f"{learnt.auc_after:.3f} after"
    )
    if learnt.auc_after <= learnt.auc_before:
        typer.echo("it is no better than the built-in lexicon on your texts: keep that one")
