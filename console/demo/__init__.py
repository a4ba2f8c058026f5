"""One believable organisation to look around in: the clinic St. Anna and its finance house.

Everything is done by the functions that do it in earnest, each with the time at which it is to have happened, in the
order of these times: the trail can be followed like a real one. Nothing is inserted past them. The same seed gives the
same organisation; passwords and keys are random.

world.py       what there is so far          people.py    who works there          agents.py     their agents
timeline.py    what happens when             estate.py    resources and scopes     consents.py   who allowed what
endpoints.py   the token endpoints, as agents call them      traffic.py   two weeks of work      trouble.py   and refusals
use.py         what resources do with tokens             passing.py    work that one agent hands to another
programs.py    programs that register themselves         issuers.py    a sign-in service that is trusted
requests.py    what is asked of people elsewhere         changes.py    a rule, a word and a pause of these days
signals.py     who is told of changes                    asking.py     the screen, as people fill it in
"""
