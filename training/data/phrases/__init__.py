"""What the training data says: lines of text drawn from a stated mixture.

    phrases = Phrases(corpus, charset.characters)
    phrase = phrases.draw(random.Random(seed))

mixture    the table of shares            prose      clauses cut, capitals, lists, mixed lines
numbers    numerals, dates, codes         forms      labels, receipts, cells, bylines
labels     what forms print               coverage   rare characters as often as common ones
people     names and addresses of nobody
"""

from training.data.phrases.mixture import LANGUAGES, MIXTURE, Phrases

__all__ = ["LANGUAGES", "MIXTURE", "Phrases"]
