"""The drawing room: pictures, tables and pages of plain arrays and rows, in one style.

data = style.encoded(training_plots.history(rows))      # the bytes of a PNG
"""
