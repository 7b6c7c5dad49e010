#!/usr/bin/env python3
"""Simulate ILLUSTRATIVE evidence of the cats, with a known truth, from the demo's own landscape.

    python build_evidence.py SURFACES [folder to write to; default: the folder of this script]

SURFACES is the folder of surfaces of a finished run of the demo (results/tien_shan/current/surfaces), so that the truth is told in the
same predictors that the analyses read. Every row is invented, from a fixed seed; the truth stands in evidence_truth.yaml, so that each
method can be seen to find it. Nothing here may be cited as an observation.
"""
import datetime as dt
import json
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import yaml
from pyproj import Transformer
from scipy.spatial import cKDTree

SURFACES = Path(sys.argv[1])
OUT = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parent
rng = np.random.default_rng(20261129)
STATUS = 'illustrative'
TRUTH = {}


def surface(name):
    with rasterio.open(SURFACES / f'{name}.tif') as s:
        a = s.read(1, masked=True).astype(float).filled(np.nan)
        return a, s.transform, s.crs


relief, TR, CRS = surface('relief')
ndvi = surface('ndvi')[0]
rock = surface('rock_distance')[0]
back = Transformer.from_crs(CRS, 4326, always_xy=True)
z = (relief - np.nanmean(relief)) / np.nanstd(relief)                    # relief in standard deviations of the land


def cell(x, y):
    c, r = ~TR * (np.asarray(x), np.asarray(y))
    return np.floor(r).astype(int).clip(0, relief.shape[0] - 1), np.floor(c).astype(int).clip(0, relief.shape[1] - 1)


def degrees(x, y, digits=5):
    lon, lat = back.transform(x, y)
    return np.round(lon, digits), np.round(lat, digits)


def save(rows, name):
    table = pd.DataFrame(rows)
    table.to_csv(OUT / name, index=False, lineterminator='\n')
    return table


def about(name, date, caveat, error=None):
    told = {'date': date, 'source': 'none, simulated for demonstration with a known truth (evidence_truth.yaml)', 'licence': 'CC0',
            'data_status': STATUS, 'caveat': caveat}
    if error is not None:
        told['positional_error_m'] = error
    (OUT / f'{name}.yaml').write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=200), encoding='utf-8')


# ---------------------------------------------------------------- where cats may live: rugged ground away from the edge
good = np.isfinite(z) & np.isfinite(ndvi) & (z > 0.4) & (ndvi > .15) & (ndvi < .6)
good[:40] = good[-40:] = False
good[:, :40] = good[:, -40:] = False
homes = np.argwhere(good)

# ---------------------------------------------------------------- tracks: OU about a centre, and rugged ground is picked
HOURS, DAYS, BETA = 4, 365, 1.0
SIGMA = {'f': 1105., 'm': 1785.}                                          # 95 % range without selection: 23 and 60 km2
TAU = 1.5                                                                 # days
CHOICES = 12                                                              # ends of a step among which the ground decides
start = pd.Timestamp('2024-04-01', tz='UTC')
times = start + pd.to_timedelta(np.arange(DAYS * 24 // HOURS) * HOURS, 'h')
cats = [('MC1', 'f'), ('MC2', 'f'), ('MC3', 'f'), ('MC4', 'f'), ('MC5', 'f'), ('MC6', 'm'), ('MC7', 'm'), ('MC8', 'm')]
moves = {'MC7': ('dispersing', [170], 32000.), 'MC5': ('shifting', [200], 4200.), 'MC8': ('migrating', [190, 325], 17000.)}
fixes, collars, tracks = [], [], {}
rho = np.exp(-HOURS / 24 / TAU)
for name, sex in cats:
    r, c = homes[rng.integers(len(homes))]
    centre = np.array(TR * (c + .5, r + .5))
    kind, days, far = moves.get(name, ('resident', [], 0.))
    ways = rng.permutation(np.linspace(0, 2 * np.pi, 16, endpoint=False))
    goal = max((centre + far * np.array([np.cos(a), np.sin(a)]) for a in ways), key=lambda p: float(np.nan_to_num(z[cell(*p)], nan=-9)))
    at, xy = np.zeros(2), np.empty((len(times), 2))
    for i, t in enumerate(times):
        day = (t - start).days
        there = bool(days) and day >= days[0] and not (len(days) > 1 and day >= days[1])
        base = goal if there else centre
        ends = rho * at + np.sqrt(1 - rho ** 2) * SIGMA[sex] * rng.standard_normal((CHOICES, 2))
        ground = np.nan_to_num(z[cell(*(base + ends).T)], nan=-9)
        p = np.exp(BETA * (ground - ground.max()))
        at = ends[rng.choice(CHOICES, p=p / p.sum())]
        xy[i] = base + at
    tracks[name] = xy
    jitter = xy + rng.normal(0, 12, xy.shape)                             # error of the fixes
    lon, lat = degrees(*jitter.T)
    dop = np.round(rng.gamma(4, .6, len(times)) + .8, 1)
    got = rng.random(len(times)) < (.88 if sex == 'f' else .93)           # fixes that failed
    table = pd.DataFrame({'event-id': '', 'visible': 'true', 'timestamp': times.strftime('%Y-%m-%d %H:%M:%S.000'), 'location-long': lon,
                          'location-lat': lat, 'gps:dop': dop, 'individual-local-identifier': name, 'status': STATUS})[got]
    spikes = rng.choice(len(table), 3, replace=False)                     # impossible places, as collars give them
    table.iloc[spikes, 3] += .9
    table.iloc[rng.choice(len(table), 2, replace=False), 1] = 'false'     # marked by the owner
    twice = table.iloc[rng.choice(len(table), 2, replace=False)]          # and two rows sent twice
    fixes.append(pd.concat([table, twice]).sort_values('timestamp', kind='stable'))
    collars.append(dict(animal=name, sex=sex, stage='adult', time_on='2024-03-30', time_off='', notes=kind, status=STATUS))
    TRUTH.setdefault('moves', {})[name] = {'class': kind, 'days': [str((start + pd.Timedelta(days=d)).date()) for d in days], 'distance_km': far / 1000}
every = pd.concat(fixes, ignore_index=True)
every['event-id'] = np.arange(1, len(every) + 1)
save(every, 'collar_fixes.csv')
save(collars, 'collars.csv')
about('collar_fixes', '2024-04/2025-03', 'Movebank columns; eight cats, a fix in four hours, every cat invented', 20)
about('collars', '2024-2025', 'sex, class and days of the invented cats')
TRUTH['tracks'] = {'sigma_m': SIGMA, 'crossing_days': TAU, 'selection_of_relief_per_sd': BETA, 'relief_sd_m': float(np.nanstd(relief)),
                   'area95_without_selection_km2': {k: float(2 * np.pi * np.log(20) * v ** 2 / 1e6) for k, v in SIGMA.items()}}

# ---------------------------------------------------------------- cameras: Camtrap DP, occupancy on relief
SITES, STOOD, P_WEEK = 60, 70, .35
PSI = (-.2, 1.1)                                                          # logit of occupancy: intercept, per standard deviation of relief
land = np.argwhere(np.isfinite(z) & (ndvi > .1))
chosen = land[rng.choice(len(land), 600, replace=False)]
chosen = chosen[(chosen[:, 0] > 5) & (chosen[:, 0] < z.shape[0] - 5) & (chosen[:, 1] > 5) & (chosen[:, 1] < z.shape[1] - 5)][:SITES]
deployments, observations = [], []
OTHERS = {'Vulpes vulpes': .35, 'Ochotona macrotis': 1.6, 'Marmota baibacina': .9, 'Canis familiaris': .25, 'Bos taurus': .4}
week = dt.timedelta(days=7)
lives, n = [], 0
for k, (r, c) in enumerate(chosen, 1):
    x, y = TR * (c + rng.uniform(.2, .8), r + rng.uniform(.2, .8))
    lon, lat = degrees(x, y)
    began = pd.Timestamp('2025-05-01') + pd.Timedelta(days=int(rng.integers(0, 20)), hours=int(rng.integers(5, 16)))
    stood = 20 if rng.random() < .1 else STOOD                            # some were stolen or ran empty
    ended = began + pd.Timedelta(days=stood, hours=int(rng.integers(0, 8)))
    zone = '+06:00'
    deployments.append(dict(deploymentID=f'C{k:02d}', locationID=f'L{k:02d}', latitude=lat, longitude=lon, coordinateUncertainty=15,
                            deploymentStart=began.strftime('%Y-%m-%dT%H:%M:%S') + zone, deploymentEnd=ended.strftime('%Y-%m-%dT%H:%M:%S') + zone))
    here = rng.random() < 1 / (1 + np.exp(-(PSI[0] + PSI[1] * z[r, c])))
    lives.append(here)
    weeks = (ended - began) / week
    for w in range(int(np.ceil(weeks))):
        part = min(1, weeks - w)
        if here and rng.random() < 1 - (1 - P_WEEK) ** part:
            for _ in range(1 + rng.poisson(.6)):
                n += 1
                at = began + w * pd.Timedelta(week) + pd.Timedelta(seconds=float(rng.uniform(0, part * 7 * 86400)))
                observations.append((n, f'C{k:02d}', min(at, ended), 'animal', 'Otocolobus manul', 1))
        for species, rate in OTHERS.items():
            for _ in range(rng.poisson(rate * part * (.4 if species == 'Canis familiaris' and z[r, c] > 1 else 1))):
                n += 1
                at = began + w * pd.Timedelta(week) + pd.Timedelta(seconds=float(rng.uniform(0, part * 7 * 86400)))
                observations.append((n, f'C{k:02d}', min(at, ended), 'animal', species, int(1 + rng.poisson(.5))))
    n += 1
    observations.append((n, f'C{k:02d}', began, 'human', 'Homo sapiens', 1))
seen = pd.DataFrame([dict(observationID=f'O{i:05d}', deploymentID=d, eventID=f'E{i:05d}', eventStart=t.strftime('%Y-%m-%dT%H:%M:%S') + '+06:00',
                          eventEnd=t.strftime('%Y-%m-%dT%H:%M:%S') + '+06:00', observationLevel='event', observationType=kind,
                          scientificName=name, count=number, classificationMethod='human')
                     for i, d, t, kind, name, number in observations])
package = {'profile': 'https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0/camtrap-dp-profile.json', 'name': 'tien-shan-illustrative',
           'title': 'ILLUSTRATIVE camera traps, simulated', 'created': '2026-11-29T00:00:00Z', 'contributors': [{'title': 'nobody'}],
           'licenses': [{'name': 'CC0-1.0', 'scope': 'data'}, {'name': 'CC0-1.0', 'scope': 'media'}],
           'project': {'title': 'simulated', 'samplingDesign': 'simpleRandom', 'captureMethod': ['activityDetection'], 'individualAnimals': False,
                       'observationLevel': ['event']},
           'resources': [{'name': name, 'path': f'{name}.csv', 'profile': 'tabular-data-resource', 'format': 'csv', 'mediatype': 'text/csv',
                          'encoding': 'utf-8', 'schema': f'https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0/{name}-table-schema.json'}
                         for name in ('deployments', 'media', 'observations')]}
parts = {'datapackage.json': json.dumps(package, indent=1), 'deployments.csv': pd.DataFrame(deployments).to_csv(index=False, lineterminator='\n'),
         'media.csv': 'mediaID,deploymentID,captureMethod,timestamp,filePath,filePublic,fileMediatype\n',
         'observations.csv': seen.to_csv(index=False, lineterminator='\n')}
with zipfile.ZipFile(OUT / 'cameras.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
    for name, text in parts.items():
        entry = zipfile.ZipInfo(name, (2026, 11, 29, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, text)
about('cameras', '2025-05/2025-07', 'a Camtrap DP package of 60 invented cameras at random on land', 15)
zc = z[chosen[:, 0], chosen[:, 1]]
TRUTH['occupancy'] = {'logit_intercept': PSI[0], 'per_sd_of_relief': PSI[1], 'detection_in_7_days': P_WEEK, 'sites': len(chosen),
                      'sites_occupied': int(np.sum(lives)), 'mean_at_sites': float(np.mean(1 / (1 + np.exp(-(PSI[0] + PSI[1] * zc)))))}

# ---------------------------------------------------------------- years: pikas swing with a period of four, the cats follow a year later
YEARS = np.arange(2000, 2025)
pika = np.zeros(len(YEARS) + 40)
for t in range(2, len(pika)):
    pika[t] = -.75 * pika[t - 2] + rng.normal(0, .45)
pika = pika[-len(YEARS):]
snow = np.round(rng.gamma(9, 2.4, len(YEARS)), 1)                         # cm
drought = np.round(rng.normal(0, 1, len(YEARS)), 2)
effort = rng.integers(500, 1500, len(YEARS))
SLOPE, OF_SNOW = .9, -.02
cats_seen = rng.poisson(effort * np.exp(-3.2 + SLOPE * np.r_[0, pika[:-1]] + OF_SNOW * (snow - 21.6)))
yearly = [dict(series=s, year=int(y), value=v, effort=e, status=STATUS)
          for s, values, efforts in (('cats', cats_seen, effort), ('pikas', np.round(pika, 3), [''] * len(YEARS)),
                                     ('snow_cm', snow, [''] * len(YEARS)), ('drought', drought, [''] * len(YEARS)))
          for y, v, e in zip(YEARS, values, efforts)]
save(yearly, 'yearly.csv')
about('yearly', '2000-2024', 'yearly series, all invented')
TRUTH['yearly'] = {'period_years': 4.0, 'lag_years': 1, 'slope_on_pikas': SLOPE, 'slope_on_snow_cm': OF_SNOW}

# ---------------------------------------------------------------- fates: hazards by stage, food and snow
CAUSES = {'dog': .30, 'poison': .20, 'raptor': .14, 'predator': .12, 'starvation': .10, 'vehicle': .06, 'unknown': .08}
HAZARD = {'adult': .45, 'kitten': 1.05}                                   # a year, of average food and snow
FOOD, SNOW = -.5, .03
zero = pd.Timestamp('2015-04-01')
by_year = {int(y): (p, s) for y, p, s in zip(YEARS, pika, snow)}
fates = []
for k in range(120):
    stage = 'adult' if k < 60 else 'kitten'
    year = int(rng.integers(2015, 2023))
    begin = pd.Timestamp(year, 4, 1) + pd.Timedelta(days=int(rng.integers(0, 300) if stage == 'adult' else rng.integers(45, 75)))
    watched = int(rng.integers(120, 720) if stage == 'adult' else rng.integers(120, 300))
    sex, litter = rng.choice(['m', 'f']), f'L{(k - 60) // 3:02d}' if stage == 'kitten' else ''
    day, died, cause = 0, False, ''
    while day < watched:
        day += 1
        at = begin + pd.Timedelta(days=day)
        p, s = by_year[min(at.year - (at.month < 4), 2024)]
        if rng.random() < HAZARD[stage] / 365 * np.exp(FOOD * p + SNOW * (s - 21.6)):
            died, cause = True, rng.choice(list(CAUSES), p=list(CAUSES.values()))
            break
    fates.append(dict(animal=f'{stage[0].upper()}{k:03d}', stage=stage, sex=sex, litter=litter, date_entry=str(begin.date()),
                      date_exit=str((begin + pd.Timedelta(days=day)).date()), died='y' if died else 'n', cause=cause, status=STATUS))
save(fates, 'fates.csv')
about('fates', '2015-2025', 'adults and kittens with known fates, all invented')
TRUTH['fates'] = {'hazard_a_year': HAZARD, 'survival_a_year': {k: float(np.exp(-v)) for k, v in HAZARD.items()}, 'log_hazard_on_pikas': FOOD,
                  'log_hazard_on_snow_cm': SNOW, 'causes': CAUSES}

# ---------------------------------------------------------------- sera: more infection near settlements, a test that errs
SE, SP, LOGIT0, PER_KM = .96, .94, .9, -.06
towns = gpd.read_file(OUT / 'settlements.gpkg').to_crs(CRS).geometry
cols, rows = np.meshgrid(np.arange(z.shape[1]) + .5, np.arange(z.shape[0]) + .5)
cx, cy = TR * (cols, rows)
far = cKDTree(np.column_stack([towns.x, towns.y])).query(np.column_stack([cx.ravel(), cy.ravel()]))[0].reshape(z.shape).clip(0, 50_000)
sera, near = [], np.argwhere(good & np.isfinite(far))
for k in range(96):
    species = 'manul' if k < 60 else 'domestic cat'
    r, c = near[rng.integers(len(near))]
    km = far[r, c] / 1000
    p = 1 / (1 + np.exp(-(LOGIT0 + PER_KM * km))) if species == 'manul' else .45
    ill = rng.random() < p
    positive = rng.random() < (SE if ill else 1 - SP)
    lon, lat = degrees(*(TR * (c + .5, r + .5)), 3)
    result = 'unclear' if rng.random() < .03 else 'positive' if positive else 'negative'
    sera.append(dict(sample_id=f'S{k:03d}', date=f'{rng.integers(2016, 2025)}-{rng.integers(1, 13):02d}-15', lon=lon, lat=lat, species=species,
                     pathogen='toxoplasma', test='MAT', result=result, status=STATUS))
save(sera, 'sera.csv')
about('sera', '2016-2024', 'blood samples, all invented', 1000)
TRUTH['sera'] = {'logit_at_settlement': LOGIT0, 'logit_per_km': PER_KM, 'sensitivity': SE, 'specificity': SP}

(OUT / 'evidence_truth.yaml').write_text(
    '# What the simulated evidence of this folder was made with (build_evidence.py). Nothing of it was observed.\n'
    + yaml.safe_dump(json.loads(json.dumps(TRUTH)), sort_keys=False), encoding='utf-8')
