"""The lessons."""

# In the order of the tour.
LESSONS = [
    "templates",
    "square_one",
    "square_gather",
    "square_as_completed",
    "square_nested",
    "countdown_tasks",
    "countdown_gather",
    "numbers_letters_gather",
    "numbers_letters_tasks",
    "gather_values",
    "gather_error",
    "gather_return_exceptions",
    "not_awaited",
    "task_results",
    "two_runs",
    "useful_work",
    "three_tasks_one_by_one",
    "three_tasks_gather",
    "await_result",
    "await_result_two_ways",
    "polling",
    "cancel_midflight",
]
