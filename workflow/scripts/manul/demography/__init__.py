"""What happens to the animals: survival and its causes, disease, and the ups and downs of numbers.

Pure functions of tables: `survival` of fates, `shares` of causes into weights of threats,
`prevalence` of blood tests, `fluctuations` of yearly counts.
"""
