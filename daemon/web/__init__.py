"""The page and the REST interface around the folder (extra [web]): a process of its own.

serve      a Config becomes a server       site       what the routes work with
app        routes and their guard          guard      rate, gate, CORS, headers of every answer
security   who may ask, how often          refusals   what is answered instead
api        REST                            openapi    its description
pages      HTML                            shown      JSON of a document
receive    a body becomes drafts           uploads    drafts become files in the inbox
catalogue  what documents there are        shelf      the index of their texts
following  the ledger, taken in            outbox     what is gone, or away
terms      how text is cut for it          answers    sidecars, skimmed
items      a card becomes an item          waiting    what nobody has claimed yet
originals  where the bytes lie now         deliver    files on their way out
pictures   pages to look at                paint      draws one, shut in
deletion   an answer is taken away         kinds      what an upload is
places     the folders                     nouns      what travels to templates and JSON

It reads the ledger and the outbox, puts files into the inbox as anybody may, and takes answers
away as anybody may: what becomes of it never touches the reading.
"""
