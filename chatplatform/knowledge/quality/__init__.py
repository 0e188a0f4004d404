"""How good a collection's answers are: golden questions, and figures of each run over them.

models      golden questions, where each has its answer, runs and what each question got
content     questions and passages, sealed and opened again
services    golden questions are written and removed, runs begun
exchange    golden questions as CSV and JSON lines
matching    whether a passage that was found is the right one
measures    figures of a run
measuring   the run itself, a job
queries     what pages, API and command show

proposals          a model is asked to propose golden questions; people accept or reject what it proposes
proposing          how it is asked, a job
proposal_choice    about which passages
proposal_wording   in which words
proposal_guards    what of its replies is kept
proposal_queries   what pages, API and command show
"""
