"""The drawing room: pictures, tables and pages of plain arrays and rows, in one style.

data = style.encoded(training_plots.costs(histories))      # the bytes of a PNG
"""
