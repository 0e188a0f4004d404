"""How good a collection's answers are: golden questions, and figures of each run over them.

models      golden questions, where each has its answer, runs and what each question got
content     questions and passages, sealed and opened again
services    golden questions are written and removed, runs begun
exchange    golden questions as CSV and JSON lines
matching    whether a passage that was found is the right one
measures    figures of a run
measuring   the run itself, a job
queries     what pages, API and command show
"""
