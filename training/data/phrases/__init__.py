"""Texts of the training lines, drawn from a declared mixture of languages and kinds.

    phrases = Phrases(corpus, charset.characters)
    phrase = phrases.draw(random.Random(seed))

mixture    the table of shares            prose      clauses, capitals, lists, mixed lines
numbers    numerals, dates, codes         forms      labels, receipts, cells, bylines
labels     words printed on forms         coverage   rare characters as often as common ones
people     invented names and addresses
notation   identifiers, paths, formulas, legal signs
"""

from training.data.phrases.mixture import LANGUAGES, MIXTURE, Phrases

__all__ = ["LANGUAGES", "MIXTURE", "Phrases"]
